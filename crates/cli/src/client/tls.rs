//! Errors of TLS, with advice for each.

use std::io;

use rustls::CertificateError;

use super::error::ClientError;

/// The TLS library's error that caused another one, if there is one.
pub(super) fn error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // The error that an I/O error holds is not its `source`.
        let held = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

/// The error for a certificate that is not valid.
pub(super) fn untrusted(error: &CertificateError) -> ClientError {
    let (why, help) = match error {
        CertificateError::UnknownIssuer => (
            "its certificate is by an authority that this machine does not know".to_owned(),
            "ask the ceremony's operator whether the certificate is by an authority of their own. If so, \
             install that authority's certificate on this machine, or name its file in the \
             environment variable SSL_CERT_FILE. If not, somebody on the way may be listening",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "its certificate has expired".to_owned(),
            "check this machine's clock; if that is right, the ceremony's operator has to renew the certificate",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "its certificate is not valid yet".to_owned(),
            "check this machine's clock; if that is right, the ceremony's operator has to replace the certificate",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            format!("its certificate is for another name: {error}"),
            "give --server the name that the certificate is for, as the ceremony's operator announced it",
        ),
        CertificateError::Revoked => (
            "its certificate was revoked".to_owned(),
            "the ceremony's operator has to replace the certificate",
        ),
        _ => (
            format!("its certificate does not hold: {error}"),
            "tell the ceremony's operator; somebody on the way may be listening",
        ),
    };
    ClientError::Untrusted {
        why,
        help: help.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_found_under_other_errors() {
        let certificate = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let inner = io::Error::new(io::ErrorKind::InvalidData, certificate.clone());
        let outer = io::Error::other(inner);
        assert_eq!(error(&outer), Some(&certificate));
        assert_eq!(error(&io::Error::other("else")), None);
        assert_eq!(error(&io::Error::from_raw_os_error(2)), None);
    }

    #[test]
    fn each_fault_of_a_certificate_has_its_advice() {
        for (fault, says) in [
            (CertificateError::UnknownIssuer, "SSL_CERT_FILE"),
            (CertificateError::Expired, "clock"),
            (CertificateError::NotValidYet, "clock"),
            (CertificateError::NotValidForName, "--server"),
            (CertificateError::Revoked, "replace"),
            (CertificateError::BadEncoding, "listening"),
        ] {
            let ClientError::Untrusted { why, help } = untrusted(&fault) else {
                panic!("{fault:?} is trusted");
            };
            assert!(why.contains("certificate"), "{why}");
            assert!(help.contains(says), "{help}");
        }
    }
}
