//! Why a TLS certificate was rejected.

use std::error::Error;

use rustls::CertificateError;

/// Returns why the certificate was rejected, if that was the failure.
pub fn certificate_error(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(reason)) = cause.downcast_ref() {
            return Some(description(reason));
        }
        // The source of an `io::Error` is that of its inner error, so the inner error itself would be skipped.
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

fn description(reason: &CertificateError) -> String {
    let text = match reason {
        CertificateError::UnknownIssuer => "an unknown authority issued it",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "it is for another host",
        CertificateError::Revoked => "its authority has revoked it",
        CertificateError::BadSignature => "its signature is invalid",
        CertificateError::BadEncoding => "it is malformed",
        // Webpki's name for a CA certificate in place of a server's.
        other if other.to_string().contains("CaUsedAsEndEntity") => "it is a CA certificate, probably self-signed",
        other => return other.to_string(),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use rustls::{CertificateError, OtherError};

    use crate::io::certificate_error::certificate_error;

    #[test]
    fn usual_reasons_are_plain() {
        let ca_certificate = CertificateError::Other(OtherError(Arc::new(io::Error::other("CaUsedAsEndEntity"))));
        for (reason, expected) in [
            (CertificateError::UnknownIssuer, "an unknown authority issued it"),
            (CertificateError::Expired, "it has expired"),
            (CertificateError::NotValidForName, "it is for another host"),
            (ca_certificate, "it is a CA certificate, probably self-signed"),
            (CertificateError::InvalidPurpose, "InvalidPurpose"),
        ] {
            let error = io::Error::other(rustls::Error::InvalidCertificate(reason.clone()));
            let found = certificate_error(&error);
            assert_eq!(found.as_deref(), Some(expected), "{reason:?}");
        }
        assert_eq!(certificate_error(&io::Error::other("connection reset")), None);
    }
}
