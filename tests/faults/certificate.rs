//! Certificates, generated for each run of the tests.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its root certificate in PEM format.
    pub(crate) pem: String,
}

/// Whether a certificate is valid, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateState {
    Valid,
    Expired,
    NotYetValid,
    WrongName,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let lines: Vec<String> =
            STANDARD.encode(der).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The TLS configuration of a server of that name, with a certificate in the given state.
    pub(crate) fn server(&self, name: &str, state: CertificateState) -> Arc<ServerConfig> {
        let name = if state == CertificateState::WrongName { "elsewhere.example" } else { name };
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        match state {
            CertificateState::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            CertificateState::NotYetValid => params.not_before = date_time_ymd(2090, 1, 1),
            CertificateState::Valid | CertificateState::WrongName => {}
        }
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateDer::from(params.signed_by(&key, &self.issuer).unwrap().der().to_vec());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
    }
}
