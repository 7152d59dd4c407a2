//! Hosts of AWS: rebuilt from a partition and a region, so that an address can only ever lead to AWS.
//!
//! Sources: AWS General Reference, "Service endpoints" of KMS and STS; for the isolated partitions, whose documentation is not public, the SDK's own
//! list.

use std::net::IpAddr;

/// A part of AWS that shares nothing with the others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) name: &'static str,
    /// How the names of its regions begin.
    regions: &'static str,
    domain: &'static str,
    dual_stack_domain: &'static str,
}

/// Those with the longer beginnings first; the last one has every other region.
static PARTITIONS: [Partition; 8] = [
    Partition {
        name: "aws-cn",
        regions: "cn-",
        domain: "amazonaws.com.cn",
        dual_stack_domain: "api.amazonwebservices.com.cn",
    },
    Partition { name: "aws-us-gov", regions: "us-gov-", domain: "amazonaws.com", dual_stack_domain: "api.aws" },
    Partition {
        name: "aws-eusc",
        regions: "eusc-",
        domain: "amazonaws.eu",
        dual_stack_domain: "api.amazonwebservices.eu",
    },
    Partition { name: "aws-iso", regions: "us-iso-", domain: "c2s.ic.gov", dual_stack_domain: "api.aws.ic.gov" },
    Partition { name: "aws-iso-b", regions: "us-isob-", domain: "sc2s.sgov.gov", dual_stack_domain: "api.aws.scloud" },
    Partition {
        name: "aws-iso-e",
        regions: "eu-isoe-",
        domain: "cloud.adc-e.uk",
        dual_stack_domain: "api.cloud-aws.adc-e.uk",
    },
    Partition {
        name: "aws-iso-f",
        regions: "us-isof-",
        domain: "csp.hci.ic.gov",
        dual_stack_domain: "api.aws.hci.ic.gov",
    },
    Partition { name: "aws", regions: "", domain: "amazonaws.com", dual_stack_domain: "api.aws" },
];

/// Which of a service's endpoints in a region is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct EndpointVariant {
    /// With cryptography that is validated under FIPS 140.
    pub(crate) fips: bool,
    /// Reachable over IPv6 too.
    pub(crate) dual_stack: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Kms,
    Sts,
}

impl Partition {
    /// # Errors
    /// What is wrong, for the error message.
    pub(super) fn named(name: &str) -> Result<&'static Self, String> {
        PARTITIONS.iter().find(|partition| partition.name == name).ok_or_else(|| {
            let known = PARTITIONS.each_ref().map(|partition| partition.name).join(", ");
            format!("has an unknown partition; these are known: {known}")
        })
    }

    /// The partition that a region belongs to, if it has the form of one.
    pub(super) fn of_region(region: &str) -> Option<&'static Self> {
        let mut partitions = PARTITIONS.iter();
        is_region(region).then(|| partitions.find(|partition| region.starts_with(partition.regions))).flatten()
    }

    /// The address of a service in a region of this partition.
    pub(super) fn endpoint(&self, service: Service, region: &str, variant: EndpointVariant) -> String {
        let name = match (service, variant.fips) {
            (Service::Kms, false) => "kms",
            (Service::Kms, true) => "kms-fips",
            (Service::Sts, false) => "sts",
            // There the ordinary one is validated, and has no second name.
            (Service::Sts, true) if self.name == "aws-us-gov" && !variant.dual_stack => "sts",
            (Service::Sts, true) => "sts-fips",
        };
        let domain = if variant.dual_stack { self.dual_stack_domain } else { self.domain };
        format!("https://{name}.{region}.{domain}")
    }
}

/// Whether a place may be asked for the vendor's own credentials: AWS, or what runs on this machine or beside it, as the services of EC2, ECS and EKS
/// that give them out do.
pub(super) fn may_give_credentials(scheme: &str, host: &str) -> bool {
    let is_near = match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        // The prefix fd00:ec2::/32 is Amazon's for the services of a machine.
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.segments()[..2] == [0xfd00, 0x0ec2],
        Err(_) => host == "localhost",
    };
    let is_aws = || {
        let is_below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        PARTITIONS.iter().any(|partition| is_below(partition.domain) || is_below(partition.dual_stack_domain))
    };
    is_near || (scheme == "https" && is_aws())
}

/// Such as `eu-central-1` or `us-gov-west-1`: words of lower-case letters and a final number, joined by hyphens.
fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., number] = words.as_slice() else {
        return false;
    };
    let is_word = |word: &&str| (2..=12).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase());
    (2..=4).contains(&first.len())
        && is_word(first)
        && (1..=2).contains(&middle.len())
        && middle.iter().all(is_word)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
    use aws_sdk_sts::config::endpoint::ResolveEndpoint as _;

    use super::*;
    use crate::runtime::block_on;

    const REGIONS: [(&str, &str); 9] = [
        ("aws", "eu-central-1"),
        ("aws", "mx-central-1"),
        ("aws-cn", "cn-northwest-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-eusc", "eusc-de-east-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
        ("aws-iso-e", "eu-isoe-west-1"),
        ("aws-iso-f", "us-isof-south-1"),
    ];

    /// The SDK's rules are the other opinion.
    #[test]
    fn every_endpoint_is_the_one_that_aws_has() {
        for (name, region) in REGIONS {
            let partition = Partition::of_region(region).unwrap();
            assert_eq!(Partition::named(name).unwrap(), partition);
            for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
                let variant = EndpointVariant { fips, dual_stack };
                let kms = Params::builder().region(region).use_fips(fips).use_dual_stack(dual_stack).build().unwrap();
                let kms = block_on(DefaultResolver::new().resolve_endpoint(&kms)).unwrap();
                assert_eq!(partition.endpoint(Service::Kms, region, variant), kms.url());
                let sts = aws_sdk_sts::config::endpoint::Params::builder();
                let sts = sts.region(region).use_fips(fips).use_dual_stack(dual_stack).build().unwrap();
                let sts =
                    block_on(aws_sdk_sts::config::endpoint::DefaultResolver::new().resolve_endpoint(&sts)).unwrap();
                assert_eq!(partition.endpoint(Service::Sts, region, variant), sts.url());
            }
        }
    }

    #[test]
    fn credentials_come_from_aws_and_from_this_machine_only() {
        for (scheme, host) in [
            ("https", "sts.eu-central-1.amazonaws.com"),
            ("https", "oidc.eu-central-1.api.aws"),
            ("https", "vpce-1-abc.sts.eu-central-1.vpce.amazonaws.com"),
            ("https", "sts.cn-north-1.amazonaws.com.cn"),
            ("http", "169.254.169.254"),
            ("http", "169.254.170.23"),
            ("http", "[fd00:ec2::254]"),
            ("http", "127.0.0.1"),
            ("https", "localhost"),
        ] {
            assert!(may_give_credentials(scheme, host), "{scheme}://{host}");
        }
        for (scheme, host) in [
            ("http", "sts.eu-central-1.amazonaws.com"),
            ("https", "amazonaws.com"),
            ("https", "evilamazonaws.com"),
            ("https", "sts.amazonaws.com.evil.example"),
            ("https", "sts.eu-central-1.amazonaws.com."),
            ("https", "10.0.0.1"),
            ("http", "169.253.169.254"),
            ("http", "[fd00:ec3::254]"),
            ("http", "2130706433"),
            ("http", "localhost.evil.example"),
            ("https", ""),
        ] {
            assert!(!may_give_credentials(scheme, host), "{scheme}://{host}");
        }
    }
}
