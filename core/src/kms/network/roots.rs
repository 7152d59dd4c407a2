//! Whom TLS trusts: the system's roots, which are read when they are first needed, and those of the configuration.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, ErrorCode, Result};
use crate::kms::KmsFailure;

/// Far above every bundle in use.
const MAX_BUNDLE: u64 = 8 * 1024 * 1024;

pub(super) struct Roots {
    extra: Vec<CertificateDer<'static>>,
    all: OnceLock<Arc<RootCertStore>>,
}

impl Roots {
    /// # Errors
    /// `InvalidConfig` if the bundle holds anything but certificates, or none.
    pub(super) fn new(bundle: Option<&Path>) -> Result<Self> {
        let extra = bundle.map(read_bundle).transpose()?.unwrap_or_default();
        Ok(Self { extra, all: OnceLock::new() })
    }

    /// A TLS configuration of its own for every client: sessions to be resumed never cross from one to another.
    pub(super) fn tls(&self) -> Result<ClientConfig, KmsFailure> {
        let roots = Arc::clone(self.all.get_or_init(|| Arc::new(self.load())));
        if roots.is_empty() {
            let message = "no root certificates were found on this system: install them, or set network.ca_bundle";
            return Err(KmsFailure::new(ErrorCode::KmsUnavailable, message));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|_| KmsFailure::new(ErrorCode::Internal, "TLS cannot be set up"))?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }

    fn load(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        // Old certificates that nobody can parse any more are common, and harmless.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.extra.iter().cloned());
        roots
    }
}

fn read_bundle(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let refuse = |why: String| Error::config("network.ca_bundle", format!("{}: {why}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if length > MAX_BUNDLE {
        return Err(refuse(format!("is over {MAX_BUNDLE} bytes")));
    }
    let text = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|_| refuse("is not PEM".to_owned()))?;
    let mut trial = RootCertStore::empty();
    for certificate in &certificates {
        trial
            .add(certificate.clone())
            .map_err(|_| refuse("holds a certificate that cannot be used as a root".to_owned()))?;
    }
    if certificates.is_empty() {
        return Err(refuse("holds no certificate".to_owned()));
    }
    Ok(certificates)
}
