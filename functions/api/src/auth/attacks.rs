//! Attacks on the complete verifier, one test per attack.

use super::{
    testing::{FakeIssuer, HandClock, ISSUER, NOW_S, SECRET, Signer, b64, good_claims, ok, serve},
    *,
};
use lambda_http::http::{HeaderValue, header::AUTHORIZATION};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex};

fn policy() -> ClaimPolicy {
    ClaimPolicy { issuer: Some(ISSUER.to_owned()), audiences: vec!["web".to_owned()], token_use: None, leeway_s: 0 }
}

/// A verifier of tokens signed with these keys.
fn verifier(algorithm: Algorithm, keys: &[&Signer]) -> Verifier {
    verifier_of(algorithm, &FakeIssuer::new(algorithm, keys), &HandClock::new())
}

fn verifier_of(algorithm: Algorithm, issuer: &FakeIssuer, clock: &HandClock) -> Verifier {
    let keys = Keys::Issued(KeyCache::new(Box::new(issuer.clone()), clock.clock()));
    Verifier { algorithm, keys, policy: policy(), clock: clock.clock() }
}

fn shared_secret_verifier() -> Verifier {
    let keys = Keys::Shared(VerifyingKey::hmac(SECRET));
    Verifier { algorithm: Algorithm::Hs256, keys, policy: policy(), clock: HandClock::new().clock() }
}

const ACCEPTED: Result<(), AuthError> = Ok(());

async fn outcome(verifier: &Verifier, token: &str) -> Result<(), AuthError> {
    let value = HeaderValue::from_bytes(format!("Bearer {token}").as_bytes()).unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    verifier.verify(&headers).await.map(|claims| assert_eq!(claims.user.as_str(), "user-1"))
}

async fn flaw(verifier: &Verifier, token: &str) -> TokenFlaw {
    match outcome(verifier, token).await {
        Err(AuthError::Unauthorized(flaw)) => flaw,
        other => panic!("{other:?}"),
    }
}

/// A header with one member replaced or added.
fn header_with(signer: &Signer, name: &str, value: Value) -> String {
    let mut header = signer.header();
    header[name] = value;
    header.to_string()
}

#[tokio::test]
async fn a_good_token_of_each_algorithm_is_accepted() {
    for signer in [Signer::rsa("a"), Signer::p256("a")] {
        assert_eq!(outcome(&verifier(signer.algorithm(), &[&signer]), &signer.token(&good_claims())).await, ACCEPTED);
    }
    assert_eq!(outcome(&shared_secret_verifier(), &Signer::hmac(SECRET).token(&good_claims())).await, ACCEPTED);
}

#[tokio::test]
async fn a_cognito_access_token_is_accepted_with_a_local_stand_in_for_cognito() {
    let published = Signer::rsa("a").jwk();
    let keys = move |_, path: &str| {
        (path == "/eu-west-1_Pool/.well-known/jwks.json").then(|| ok(&json!({"keys": [published]})))
    };
    let endpoint = format!("http://{}", serve(keys).await);
    let issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool";
    let config = AuthConfig::from_lookup(|name| match name {
        "SMMU_AUTH_ALGORITHM" => Some("RS256".to_owned()),
        "SMMU_AUTH_ISSUER" => Some(issuer.to_owned()),
        "SMMU_AUTH_AUDIENCE" => Some("client-1".to_owned()),
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        _ => None,
    });
    let verifier = Verifier::new(config.unwrap(), HandClock::new().clock()).unwrap();
    let access =
        json!({"iss": issuer, "client_id": "client-1", "token_use": "access", "sub": "user-1", "exp": NOW_S + 300});
    assert_eq!(outcome(&verifier, &Signer::rsa("a").token(&access)).await, ACCEPTED);
    let id = json!({"iss": issuer, "aud": "client-1", "token_use": "id", "sub": "user-1", "exp": NOW_S + 300});
    assert_eq!(flaw(&verifier, &Signer::rsa("a").token(&id)).await, TokenFlaw::TokenUse);
}

#[tokio::test]
async fn an_unsigned_token_is_refused_in_any_spelling_of_none() {
    let verifiers = [verifier(Algorithm::Rs256, &[&Signer::rsa("a")]), shared_secret_verifier()];
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let signed = format!("{}.{}", b64(json!({"alg": alg}).to_string()), b64(good_claims().to_string()));
        for token in [format!("{signed}."), format!("{signed}.AA"), signed] {
            for verifier in &verifiers {
                let flaw = flaw(verifier, &token).await;
                assert!(matches!(flaw, TokenFlaw::Algorithm | TokenFlaw::TokenMalformed), "{token}: {flaw:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_without_signature_is_refused_under_the_right_algorithm_too() {
    let rsa = Signer::rsa("a");
    let cases = [(verifier(Algorithm::Rs256, &[&rsa]), rsa), (shared_secret_verifier(), Signer::hmac(SECRET))];
    for (verifier, signer) in cases {
        let token = signer.token(&good_claims());
        let (signed, _) = token.rsplit_once('.').unwrap();
        for signature in [String::new(), b64([0]), b64([0; 32]), b64([0; 64]), b64([0; 256])] {
            assert_eq!(flaw(&verifier, &format!("{signed}.{signature}")).await, TokenFlaw::Signature);
        }
    }
}

#[tokio::test]
async fn the_public_key_is_not_accepted_as_a_shared_secret() {
    let rsa = Signer::rsa("a");
    let verifier = verifier(Algorithm::Rs256, &[&rsa]);
    for form in rsa.public_forms() {
        let forger = Signer::hmac(&form);
        let honest = forger.compact(&header_with(&rsa, "alg", json!("HS256")), &good_claims().to_string());
        assert_eq!(flaw(&verifier, &honest).await, TokenFlaw::Algorithm);
        let disguised = forger.compact(&rsa.header().to_string(), &good_claims().to_string());
        assert_eq!(flaw(&verifier, &disguised).await, TokenFlaw::Signature);
    }
}

#[tokio::test]
async fn a_token_of_another_algorithm_than_the_configured_one_is_refused() {
    let (rsa, ec, hmac) = (Signer::rsa("a"), Signer::p256("a"), Signer::hmac(SECRET));
    let es256 = verifier(Algorithm::Es256, &[&ec, &rsa]);
    let rs256 = verifier(Algorithm::Rs256, &[&ec, &rsa]);
    assert_eq!(flaw(&es256, &rsa.token(&good_claims())).await, TokenFlaw::Algorithm);
    assert_eq!(flaw(&rs256, &ec.token(&good_claims())).await, TokenFlaw::Algorithm);
    assert_eq!(flaw(&rs256, &hmac.token(&good_claims())).await, TokenFlaw::Algorithm);
    assert_eq!(flaw(&shared_secret_verifier(), &rsa.token(&good_claims())).await, TokenFlaw::Algorithm);
    for alg in ["RS384", "RS512", "PS256", "rs256", "RS256 ", "EdDSA"] {
        let token = rsa.compact(&header_with(&rsa, "alg", json!(alg)), &good_claims().to_string());
        assert_eq!(flaw(&rs256, &token).await, TokenFlaw::Algorithm, "{alg}");
    }
}

#[tokio::test]
async fn a_foreign_key_with_the_issuers_key_id_is_refused() {
    let rs256 = verifier(Algorithm::Rs256, &[&Signer::rsa("a")]);
    assert_eq!(flaw(&rs256, &Signer::other_rsa("a").token(&good_claims())).await, TokenFlaw::Signature);
    let es256 = verifier(Algorithm::Es256, &[&Signer::p256("a")]);
    assert_eq!(flaw(&es256, &Signer::p256("a").token(&good_claims())).await, TokenFlaw::Signature);
    let guess = Signer::hmac(b"some other secret of thirty-two bytes");
    assert_eq!(flaw(&shared_secret_verifier(), &guess.token(&good_claims())).await, TokenFlaw::Signature);
}

#[tokio::test]
async fn keys_in_the_token_header_are_ignored() {
    let (issuer, stranger) = (FakeIssuer::new(Algorithm::Rs256, &[&Signer::rsa("a")]), Signer::other_rsa("a"));
    let verifier = verifier_of(Algorithm::Rs256, &issuer, &HandClock::new());
    let brought = [
        ("jwk", stranger.jwk()),
        ("jku", json!("https://stranger.example/jwks.json")),
        ("x5u", json!("https://stranger.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
    ];
    for (name, value) in brought {
        let forged = stranger.compact(&header_with(&stranger, name, value.clone()), &good_claims().to_string());
        assert_eq!(flaw(&verifier, &forged).await, TokenFlaw::Signature, "{name}");
        let honest = Signer::rsa("a").compact(&header_with(&stranger, name, value), &good_claims().to_string());
        assert_eq!(outcome(&verifier, &honest).await, ACCEPTED, "{name}");
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_key_id_is_only_compared() {
    let issuer = FakeIssuer::new(Algorithm::Rs256, &[&Signer::rsa("a")]);
    let verifier = verifier_of(Algorithm::Rs256, &issuer, &HandClock::new());
    for kid in ["../../dev/null", "a' OR '1'='1", "http://stranger.example/", "", "A", "a\u{0}"] {
        let signer = Signer::rsa("a");
        let token = signer.compact(&header_with(&signer, "kid", json!(kid)), &good_claims().to_string());
        assert_eq!(flaw(&verifier, &token).await, TokenFlaw::KeyUnknown, "{kid:?}");
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_token_without_key_id_is_verified_only_if_there_is_one_key() {
    let issuer = FakeIssuer::new(Algorithm::Rs256, &[&Signer::rsa("a"), &Signer::p256("b")]);
    let clock = HandClock::new();
    let verifier = verifier_of(Algorithm::Rs256, &issuer, &clock);
    let claims = json!({"iss": ISSUER, "aud": "web", "sub": "user-1", "exp": NOW_S + 3600});
    let token = Signer::rsa("a").without_kid().token(&claims);
    assert_eq!(outcome(&verifier, &token).await, ACCEPTED, "the other key is not an RS256 key");
    issuer.publish(&[&Signer::rsa("a"), &Signer::other_rsa("b")]);
    clock.advance_s(600);
    assert_eq!(flaw(&verifier, &token).await, TokenFlaw::KeyNotNamed);
}

#[tokio::test]
async fn a_rotated_key_is_found_without_a_restart_and_the_old_one_forgotten() {
    let (issuer, clock) = (FakeIssuer::new(Algorithm::Rs256, &[&Signer::rsa("old")]), HandClock::new());
    let verifier = verifier_of(Algorithm::Rs256, &issuer, &clock);
    let (old, new) = (Signer::rsa("old").token(&good_claims()), Signer::other_rsa("new").token(&good_claims()));
    assert_eq!(outcome(&verifier, &old).await, ACCEPTED);
    issuer.publish(&[&Signer::other_rsa("new")]);
    clock.advance_s(30);
    assert_eq!(outcome(&verifier, &new).await, ACCEPTED);
    assert_eq!(flaw(&verifier, &old).await, TokenFlaw::KeyUnknown);
}

#[tokio::test]
async fn an_unreachable_issuer_is_not_reported_as_a_bad_token() {
    let (issuer, clock) = (FakeIssuer::new(Algorithm::Rs256, &[]), HandClock::new());
    issuer.go_down();
    let verifier = verifier_of(Algorithm::Rs256, &issuer, &clock);
    let token = Signer::rsa("a").token(&good_claims());
    assert_eq!(outcome(&verifier, &token).await, Err(AuthError::KeysUnavailable));
    assert_eq!(flaw(&verifier, "no.token.atall").await, TokenFlaw::TokenMalformed);
}

#[tokio::test]
async fn malformed_tokens_never_reach_the_issuer() {
    let issuer = FakeIssuer::new(Algorithm::Rs256, &[&Signer::rsa("a")]);
    let verifier = verifier_of(Algorithm::Rs256, &issuer, &HandClock::new());
    let good = Signer::rsa("a").token(&good_claims());
    let segments: Vec<&str> = good.split('.').collect();
    let nine_kib = format!("{}.{}.{}", segments[0], "A".repeat(9 * 1024), segments[2]);
    assert_eq!(flaw(&verifier, &nine_kib).await, TokenFlaw::TokenTooLarge);
    let encrypted = format!("{good}.AA.AA");
    let crit = Signer::rsa("a").compact(r#"{"alg":"RS256","kid":"a","crit":["exp"]}"#, "{}");
    for token in [&encrypted, &format!(".{good}"), &format!("{good}."), &crit, ".", "..", "...", "a", "e30.e30.e30"] {
        flaw(&verifier, token).await;
    }
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn base64_with_padding_spaces_or_the_other_alphabet_is_refused() {
    let signer = Signer::hmac(SECRET);
    let verifier = shared_secret_verifier();
    let good = signer.token(&good_claims());
    for token in [format!("{good}="), format!("{good}=="), format!(" {good}"), format!("{good} "), format!("{good}\t")]
    {
        flaw(&verifier, &token).await;
    }
    // The signature covers the exact spelling, so only the spelling is wrong.
    let payload = b64(good_claims().to_string());
    for header in [format!("{}==", b64(r#"{"alg":"HS256"}"#)), "eyJhbGciOiJIUzI1NiIsIng/Ij+9".to_owned()] {
        let message = format!("{header}.{payload}");
        let token = format!("{message}.{}", b64(signer.sign(message.as_bytes())));
        let flaw = flaw(&verifier, &token).await;
        assert!(matches!(flaw, TokenFlaw::HeaderMalformed | TokenFlaw::TokenMalformed), "{header}: {flaw:?}");
    }
    let padded_payload = format!("{}.{payload}=", b64(r#"{"alg":"HS256"}"#));
    let token = format!("{padded_payload}.{}", b64(signer.sign(padded_payload.as_bytes())));
    assert_eq!(flaw(&verifier, &token).await, TokenFlaw::HeaderMalformed);
}

#[tokio::test]
async fn a_signed_payload_with_a_repeated_claim_is_refused() {
    let signer = Signer::hmac(SECRET);
    let payload = format!(r#"{{"iss":"{ISSUER}","aud":"web","sub":"victim","sub":"user-1","exp":{}}}"#, NOW_S + 300);
    let token = signer.compact(&signer.header().to_string(), &payload);
    assert_eq!(flaw(&shared_secret_verifier(), &token).await, TokenFlaw::ClaimsMalformed);
}

#[tokio::test]
async fn a_token_is_accepted_until_the_second_it_expires() {
    let clock = HandClock::new();
    let issuer = FakeIssuer::new(Algorithm::Rs256, &[&Signer::rsa("a")]);
    let verifier = verifier_of(Algorithm::Rs256, &issuer, &clock);
    let token = Signer::rsa("a").token(&good_claims());
    clock.advance_s(299);
    assert_eq!(outcome(&verifier, &token).await, ACCEPTED);
    clock.advance_s(1);
    assert_eq!(flaw(&verifier, &token).await, TokenFlaw::Expired);
}

#[tokio::test]
async fn the_log_has_the_reason_and_nothing_of_the_token() {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone());
    // With a single subscriber, `tracing` caches the interest of the thread that reaches a callsite first, which may
    // belong to another test.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let verifier = verifier(Algorithm::Rs256, &[&Signer::rsa("a")]);
    let token = Signer::other_rsa("a").token(&good_claims());
    flaw(&verifier, &token).await;
    flaw(&verifier, &Signer::rsa("a").token(&json!({"sub": "user-1", "exp": 1}))).await;
    outcome(&verifier, &Signer::rsa("a").token(&good_claims())).await.unwrap();

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains(r#"reason="signature""#) && log.contains(r#"reason="expired""#), "{log}");
    assert!(token.split('.').all(|segment| !log.contains(segment)) && !log.contains("user-1"), "{log}");
}

/// One signer of each algorithm with its verifier and a good token.
static GOOD: LazyLock<Vec<(Verifier, String)>> = LazyLock::new(|| {
    let (rsa, ec, hmac) = (Signer::rsa("a"), Signer::p256("a"), Signer::hmac(SECRET));
    vec![
        (verifier(Algorithm::Rs256, &[&rsa]), rsa.token(&good_claims())),
        (verifier(Algorithm::Es256, &[&ec]), ec.token(&good_claims())),
        (shared_secret_verifier(), hmac.token(&good_claims())),
    ]
});

/// One change of one byte of a token.
#[derive(Debug, Clone, Copy)]
enum Mutation {
    Replace(u8),
    Insert(u8),
    Remove,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    // A header cannot contain control characters.
    let byte = prop_oneof![0x20..0x7f_u8, prop::sample::select(b".=-_ AQgw".to_vec()), 0x80..=0xff_u8];
    prop_oneof![byte.clone().prop_map(Mutation::Replace), byte.prop_map(Mutation::Insert), Just(Mutation::Remove)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn a_token_with_any_one_byte_changed_is_refused(
        which in 0..3_usize, place in any::<prop::sample::Index>(), mutation in mutation(),
    ) {
        let (verifier, good) = &GOOD[which];
        let mut token = good.clone().into_bytes();
        let place = place.index(token.len());
        match mutation {
            Mutation::Replace(byte) => token[place] = byte,
            Mutation::Insert(byte) => token.insert(place, byte),
            Mutation::Remove => drop(token.remove(place)),
        }
        prop_assume!(token != good.as_bytes());
        let value = HeaderValue::from_bytes(&[b"Bearer ", &token[..]].concat()).unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(verifier.verify(&headers));
        prop_assert!(matches!(outcome, Err(AuthError::Unauthorized(_))), "{mutation:?} at {place}: {outcome:?}");
    }

    #[test]
    fn no_header_makes_the_verifier_panic(bytes in prop::collection::vec(0x20..0x7f_u8, 0..200)) {
        let value = HeaderValue::from_bytes(&[b"Bearer ", &bytes[..]].concat()).unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (verifier, _) in GOOD.iter() {
            prop_assert!(runtime.block_on(verifier.verify(&headers)).is_err());
        }
    }
}
