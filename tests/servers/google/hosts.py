"""The names under which the services are reached: those of the real ones. Regional endpoints are in the definition."""

HOSTS = (
    "cloudkms.googleapis.com",
    "oauth2.googleapis.com",
    "sts.googleapis.com",
    "iamcredentials.googleapis.com",
    "*.rep.googleapis.com",
    "localhost",
)
