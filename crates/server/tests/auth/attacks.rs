//! What signing in must withstand; each test is named for what it shows refused.

use std::collections::HashMap;
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, Stdio};

use reqwest::Url;
use serde_json::Value;
use tauline_protocol::error::Code;

use crate::browser::Browser;
use crate::common::{TestServer, program};
use crate::github::{links, stopped_before_callback};
use crate::provider::{Provider, account, octocat};

fn callback(server: &TestServer, code: &str, state: &str) -> String {
    let mut url = Url::parse(&format!("{}/auth/callback/github", server.url())).unwrap();
    url.query_pairs_mut()
        .append_pair("code", code)
        .append_pair("state", state);
    url.into()
}

/// A sign-in with GitHub that has come as far as the callback.
struct Begun {
    provider: Provider,
    server: TestServer,
    link: String,
    browser: Browser,
    code: String,
    state: String,
}

async fn begun() -> Begun {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let link = links(&server, "").await.github_auth_url;
    let browser = Browser::new();
    let (code, state) = stopped_before_callback(&provider, &browser, &link).await;
    Begun {
        provider,
        server,
        link,
        browser,
        code,
        state,
    }
}

/// An attacker agrees with an account of their own and has the victim's browser end the sign-in
/// (`docs/spec/known-faults.md#login-csrf`).
#[tokio::test]
async fn login_csrf_is_refused() {
    let provider = Provider::start(account(666, "mallory", "2011-01-25T18:44:36Z")).await;
    let server = provider.server(&[]).await;
    let link = links(&server, "").await.github_auth_url;
    let attacker = Browser::new();
    let (code, state) = stopped_before_callback(&provider, &attacker, &link).await;
    let forged = callback(&server, &code, &state);

    // A browser that never began, and one that began something of its own.
    let victim = Browser::new();
    let error = victim
        .get(&forged)
        .await
        .expect_error(Code::LoginInvalidState);
    assert!(error.contains("did not begin this sign-in"), "{error}");
    victim.get(&link).await;
    victim
        .get(&forged)
        .await
        .expect_error(Code::LoginInvalidState);
    // The attacker's own browser could still have ended it: the refusal cost nobody anything.
    assert_eq!(attacker.get(&forged).await.status, 200);
}

/// An attacker's code in the victim's own sign-in: the provider asks for the verifier.
#[tokio::test]
async fn a_code_slipped_into_another_sign_in_is_refused() {
    let provider = Provider::start(account(666, "mallory", "2011-01-25T18:44:36Z")).await;
    let server = provider.server(&[]).await;
    let link = links(&server, "").await.github_auth_url;
    let (code, _) = stopped_before_callback(&provider, &Browser::new(), &link).await;
    let victim = Browser::new();
    let (_, state) = stopped_before_callback(&provider, &victim, &link).await;
    let answer = victim.get(&callback(&server, &code, &state)).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json::<Value>()["code"],
        "AuthErrorPayload::InvalidAuthCode"
    );
}

// `docs/spec/known-faults.md#open-redirect`.
#[tokio::test]
async fn open_redirect_is_refused() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    for target in [
        "https://evil.example/",
        "//evil.example/",
        "http://localhost@evil.example/",
        "http://localhost.evil.example/",
        "https://localhost/",
        "javascript:alert(1)",
        "/etc",
    ] {
        let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        let asked = server
            .anonymous()
            .get(&format!("/auth/request_link?redirect_to={target}"))
            .await;
        asked.expect_error(Code::LoginRedirectNotAllowed);
        for provider in ["github", "eth"] {
            let url = format!(
                "{}/auth/start/{provider}?redirect_to={target}",
                server.url()
            );
            let page = Browser::new().get(&url).await;
            assert_eq!(page.status, 400);
            assert_eq!(page.header("location"), None);
            assert_eq!(page.header("set-cookie"), None);
        }
    }
    // Nor by altering what the state says.
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    let link = links(&server, "?redirect_to=http://localhost:9/")
        .await
        .github_auth_url;
    let browser = Browser::new();
    let (code, state) = stopped_before_callback(&provider, &browser, &link).await;
    let content = String::from_utf8(BASE64.decode(&state).unwrap()).unwrap();
    assert!(content.contains("http://localhost:9/"), "{content}");
    let altered = BASE64.encode(content.replace("http://localhost:9/", "https://evil.example/"));
    let answer = browser.get(&callback(&server, &code, &altered)).await;
    answer.expect_error(Code::LoginInvalidState);
    assert_eq!(answer.header("location"), None);
}

/// A link whose address brings a session of the attacker's with it, or a session chosen beforehand.
#[tokio::test]
async fn session_fixation_is_refused() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    for name in [
        "session_id",
        "sub",
        "nickname",
        "provider",
        "exp",
        "code",
        "error",
    ] {
        let target = format!("http%3A%2F%2Flocalhost%3A9%2F%3F{name}%3Dtheirs");
        server
            .anonymous()
            .get(&format!("/auth/request_link?redirect_to={target}"))
            .await
            .expect_error(Code::LoginRedirectNotAllowed);
    }
    // Nobody chooses a session: each sign-in makes one, and a callback's query has no say in it.
    let link = links(&server, "").await.github_auth_url;
    let browser = Browser::new();
    let (code, state) = stopped_before_callback(&provider, &browser, &link).await;
    let chosen = "0".repeat(64);
    let url = format!("{}&session_id={chosen}", callback(&server, &code, &state));
    let first: Value = browser.get(&url).await.expect_ok().json();
    let second = provider.journey(&browser, &server, &link).await.json();
    assert_ne!(first["session_id"], chosen);
    assert_ne!(first["session_id"], second["session_id"]);
    let mut client = server.anonymous();
    client.token = Some(chosen);
    client
        .post("/queue/join")
        .await
        .expect_error(Code::SessionUnknown);
}

#[tokio::test]
async fn replayed_oauth_code_is_refused() {
    let Begun {
        provider,
        server,
        link,
        browser,
        code,
        state,
    } = begun().await;
    let url = callback(&server, &code, &state);
    assert_eq!(browser.get(&url).await.status, 200);
    let asked = provider.asked().len();
    let error = browser
        .get(&url)
        .await
        .expect_error(Code::LoginInvalidState);
    assert!(error.contains("ended before"), "{error}");
    assert_eq!(provider.asked().len(), asked, "nobody was asked again");
    // In another sign-in, the provider knows it was used.
    let (_, fresh) = stopped_before_callback(&provider, &browser, &link).await;
    let answer = browser.get(&callback(&server, &code, &fresh)).await;
    assert_eq!(
        answer.json::<Value>()["code"],
        "AuthErrorPayload::InvalidAuthCode"
    );
}

#[tokio::test]
async fn of_many_callbacks_with_one_state_one_signs_in() {
    let Begun {
        provider: _provider,
        server,
        link: _link,
        browser,
        code,
        state,
    } = begun().await;
    let url = callback(&server, &code, &state);
    let answers = futures_util::future::join_all((0..20).map(|_| browser.get(&url))).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 1);
}

#[tokio::test]
async fn a_state_expires() {
    let provider = Provider::start(octocat()).await;
    let flags = provider.github_flags();
    let flags = flags.each_ref().map(|(key, value)| (*key, value.as_str()));
    let server = TestServer::at_noon(&flags).await;
    let link = links(&server, "").await.github_auth_url;
    let browser = Browser::new();
    let (code, state) = stopped_before_callback(&provider, &browser, &link).await;
    server.advance(std::time::Duration::from_secs(600));
    browser
        .get(&callback(&server, &code, &state))
        .await
        .expect_error(Code::LoginInvalidState);
}

/// A state of one provider does not do for the other.
#[tokio::test]
async fn a_state_for_another_provider_is_refused() {
    let Begun {
        provider: _provider,
        server,
        link: _link,
        browser,
        code,
        state,
    } = begun().await;
    let url = callback(&server, &code, &state).replace("/github", "/eth");
    browser
        .get(&url)
        .await
        .expect_error(Code::LoginInvalidState);
}

/// Other sites' pages cannot plant the cookie where there is TLS, nor any script read it.
#[tokio::test]
async fn the_cookie_is_bound_to_the_host_and_out_of_reach_of_scripts() {
    let provider = Provider::start(octocat()).await;
    let server = provider
        .server(&[("public-url", "https://ceremony.example.org")])
        .await;
    let started = Browser::new()
        .get(&format!("{}/auth/start/github", server.url()))
        .await;
    let cookie = started.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-tauline-browser="), "{cookie}");
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let to = Url::parse(started.header("location").unwrap()).unwrap();
    let asked: HashMap<_, _> = to.query_pairs().into_owned().collect();
    assert_eq!(
        asked["redirect_uri"],
        "https://ceremony.example.org/auth/callback/github"
    );
}

/// Sign-ins count, whichever way they come.
#[tokio::test]
async fn too_many_callbacks_are_refused() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[("login-rate", "2")]).await;
    for _ in 0..2 {
        let answer = server
            .anonymous()
            .get("/auth/callback/github?code=x&state=x")
            .await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("message"), "{}", answer.text());
    }
    let answer = server
        .anonymous()
        .get("/auth/callback/github?code=x&state=x")
        .await;
    assert!(answer.text().contains("RateLimited"), "{}", answer.text());
}

/// A whole sign-in with the log at its most talkative: nothing in it lets anybody in.
#[tokio::test]
async fn token_in_url_logs_is_refused() {
    let provider = Provider::start(octocat()).await;
    let directory = tempfile::tempdir().unwrap();
    let flags = provider.github_flags();
    let mut program = Program::start(directory.path(), "trace", &flags);
    let stays = |url: &Url| {
        let authority = format!("http://{}", url.authority());
        authority == program.url || provider.url("") == authority
    };
    let browser = Browser::new();
    let redirect = "redirect_to=http://localhost:9/";
    let answer = browser
        .get(&format!("{}/auth/request_link?{redirect}", program.url))
        .await;
    let link: tauline_protocol::auth::AuthLinks = answer.expect_ok().json();
    let (code, state) = stopped_before_callback(&provider, &browser, &link.github_auth_url).await;
    let mut url = Url::parse(&format!("{}/auth/callback/github", program.url)).unwrap();
    url.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &state);
    let arrival = browser.follow(url.as_str(), stays).await;
    let (name, session) = arrival.query().swap_remove(0);
    assert_eq!(name, "session_id");
    // The session at work, too.
    let mut client = crate::common::Client::new(&program.url);
    client.token = Some(session.clone());
    client.join().await;
    browser.get(url.as_str()).await;

    let log = program.end();
    assert!(
        log.contains("/auth/callback/github"),
        "the log is on: {log}"
    );
    assert!(log.contains("git|583231|OctoCat"));
    let mut secrets = vec![session, code, state];
    secrets.extend(provider.secrets());
    secrets.extend(browser.secrets());
    for secret in secrets {
        assert!(secret.len() > 10, "{secret}");
        if let Some(line) = log.lines().find(|line| line.contains(&secret)) {
            panic!("{secret} is in the log: {line}");
        }
    }
}

/// The server's own program.
pub(crate) struct Program {
    child: Child,
    pub(crate) url: String,
    log: std::fs::File,
}

impl Program {
    pub(crate) fn start(data: &std::path::Path, log: &str, flags: &[(&str, String)]) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("tauline-server"));
        command
            .args(["--listen=127.0.0.1:0", "--ceremony=16:4,32:4"])
            .arg(format!("--log={log}"))
            .arg(format!("--data-dir={}", data.display()));
        for (key, value) in flags {
            command.env(
                format!("TAULINE_{}", key.to_uppercase().replace('-', "_")),
                value,
            );
        }
        let log = tempfile::tempfile().unwrap();
        let written = log.try_clone().unwrap();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(written)
            .spawn()
            .unwrap();
        let line = program::first_line(&mut child);
        let url = program::address(&line).unwrap_or_else(|| panic!("{line:?}"));
        Self { child, url, log }
    }

    pub(crate) fn end(&mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.rewind().unwrap();
        let mut text = String::new();
        self.log.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
