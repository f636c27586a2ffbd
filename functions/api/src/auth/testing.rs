//! An issuer for tests: keys, tokens, a manual clock, and key sets without a network.

use super::{
    Clock,
    fetch::{FetchError, Fetching, KeySource},
    jwk::KeySet,
    jws::Algorithm,
};
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use smmu_core::Timestamp;
use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Semaphore,
};

pub(super) const NOW_S: i64 = 1_800_000_000;
pub(super) const ISSUER: &str = "https://issuer.example";
pub(super) const SECRET: &[u8] = b"a shared secret that has 32 bytes or more";

// Generating RSA keys is slow, so all tests share them.
static RSA_ONE: LazyLock<Arc<RsaKeyPair>> = LazyLock::new(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
static RSA_TWO: LazyLock<Arc<RsaKeyPair>> = LazyLock::new(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

pub(super) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key with its key ID.
pub(super) struct Signer {
    algorithm: Algorithm,
    kid: Option<&'static str>,
    private: Private,
}

enum Private {
    Rsa(Arc<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    Secret(Vec<u8>),
}

impl Signer {
    pub(super) fn rsa(kid: &'static str) -> Self {
        Self { algorithm: Algorithm::Rs256, kid: Some(kid), private: Private::Rsa(RSA_ONE.clone()) }
    }

    pub(super) fn other_rsa(kid: &'static str) -> Self {
        Self { private: Private::Rsa(RSA_TWO.clone()), ..Self::rsa(kid) }
    }

    pub(super) fn p256(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { algorithm: Algorithm::Es256, kid: Some(kid), private: Private::P256(Box::new(pair)) }
    }

    pub(super) fn hmac(secret: &[u8]) -> Self {
        Self { algorithm: Algorithm::Hs256, kid: None, private: Private::Secret(secret.to_vec()) }
    }

    pub(super) fn without_kid(self) -> Self {
        Self { kid: None, ..self }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.private {
            Private::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Private::P256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Private::Secret(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
        }
    }

    pub(super) fn header(&self) -> Value {
        match self.kid {
            Some(kid) => json!({"alg": self.algorithm.name(), "typ": "JWT", "kid": kid}),
            None => json!({"alg": self.algorithm.name(), "typ": "JWT"}),
        }
    }

    /// A token with these claims.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.compact(&self.header().to_string(), &claims.to_string())
    }

    /// A signed token of exactly these bytes, well-formed or not.
    pub(super) fn compact(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", b64(header), b64(payload));
        let signature = b64(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// The public key as an issuer publishes it (RFC 7517).
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = match &self.private {
            Private::Rsa(pair) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": b64(n), "e": b64(e)})
            }
            Private::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)})
            }
            Private::Secret(secret) => json!({"kty": "oct", "k": b64(secret)}),
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm.name());
        if let Some(kid) = self.kid {
            jwk["kid"] = json!(kid);
        }
        jwk
    }

    /// All forms of the RSA public key that a careless verifier could use as an HMAC secret: DER (PKCS #1 and SPKI),
    /// PEM with and without the last newline, and the bare modulus.
    pub(super) fn public_forms(&self) -> Vec<Vec<u8>> {
        let Private::Rsa(pair) = &self.private else { panic!("an RSA key") };
        let pkcs1 = pair.public_key().as_ref().to_vec();
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let modulus = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key()).n;
        let pem = pem(spki.as_ref());
        let modulus_text = b64(&modulus).into_bytes();
        let jwk = self.jwk().to_string().into_bytes();
        vec![
            pkcs1,
            spki.as_ref().to_vec(),
            pem.trim_end().as_bytes().to_vec(),
            pem.into_bytes(),
            modulus,
            modulus_text,
            jwk,
        ]
    }
}

fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// Claims of a token that is valid at [`NOW_S`].
pub(super) fn good_claims() -> Value {
    json!({"iss": ISSUER, "aud": "web", "sub": "user-1", "exp": NOW_S + 300})
}

/// A clock that only advances when told to.
#[derive(Clone)]
pub(super) struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW_S * 1000)))
    }

    pub(super) fn advance_s(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(super) fn clock(&self) -> Clock {
        let Self(unix_ms) = self.clone();
        Arc::new(move || Timestamp::from_unix_ms(unix_ms.load(Ordering::SeqCst)).unwrap())
    }
}

/// An in-memory issuer. Clones share its state.
#[derive(Clone)]
pub(super) struct FakeIssuer(Arc<Inner>);

struct Inner {
    algorithm: Algorithm,
    /// `None` while the issuer is unreachable.
    document: Mutex<Option<String>>,
    fetches: AtomicUsize,
    gate: Semaphore,
}

impl FakeIssuer {
    pub(super) fn new(algorithm: Algorithm, keys: &[&Signer]) -> Self {
        let issuer = Self(Arc::new(Inner {
            algorithm,
            document: Mutex::default(),
            fetches: AtomicUsize::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        }));
        issuer.publish(keys);
        issuer
    }

    /// Replaces the published keys and makes the issuer reachable.
    pub(super) fn publish(&self, keys: &[&Signer]) {
        let keys: Vec<Value> = keys.iter().map(|signer| signer.jwk()).collect();
        *self.0.document.lock().unwrap() = Some(json!({"keys": keys}).to_string());
    }

    pub(super) fn go_down(&self) {
        *self.0.document.lock().unwrap() = None;
    }

    pub(super) fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }

    /// Makes fetches hang until [`Self::answer`].
    pub(super) fn hang(&self) {
        self.0.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn answer(&self) {
        self.0.gate.add_permits(1000);
    }
}

impl KeySource for FakeIssuer {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async {
            self.0.fetches.fetch_add(1, Ordering::SeqCst);
            let _answered = self.0.gate.acquire().await.unwrap();
            let document = self.0.document.lock().unwrap().clone().ok_or(FetchError::Timeout)?;
            Ok(KeySet::parse(document.as_bytes(), self.0.algorithm)?)
        })
    }
}

/// Serves complete responses by path on this machine until the test ends. A path without a response hangs. A connection
/// stays open unless the response has `connection: close`.
pub(super) async fn serve(respond: impl Fn(SocketAddr, &str) -> Option<String> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let path = String::from_utf8(request).unwrap().split(' ').nth(1).unwrap().to_owned();
            let response = respond(address, &path).unwrap_or_default();
            // The client may close the connection early.
            stream.write_all(response.as_bytes()).await.ok();
            if !response.contains("connection: close") {
                open.push(stream);
            }
        }
    });
    address
}

/// A complete response with a JSON body.
pub(super) fn ok(document: &Value) -> String {
    let body = document.to_string();
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
