//! A browser as far as signing in needs one: it keeps cookies by host and follows redirects.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{COOKIE, HeaderMap, SET_COOKIE};
use serde_json::Value;

use crate::common::Answer;

/// A person's browser.
pub(crate) struct Browser {
    http: reqwest::Client,
    /// By host and name. Ports do not tell cookies apart (RFC 6265, section 8.5).
    cookies: Mutex<BTreeMap<(String, String), String>>,
}

/// Where a journey ended: at an answer that sends nowhere, or at an address where nobody listens.
pub(crate) struct Arrival {
    pub(crate) url: Url,
    /// `None` when it left for a page that is not ours, such as a client's.
    pub(crate) answer: Option<Answer>,
}

impl Arrival {
    /// What was appended to the address, in order.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        self.url.query_pairs().into_owned().collect()
    }

    #[track_caller]
    pub(crate) fn answer(&self) -> &Answer {
        self.answer
            .as_ref()
            .unwrap_or_else(|| panic!("left for {}", self.url))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        self.answer().json()
    }
}

impl Browser {
    pub(crate) fn new() -> Self {
        let http = crate::common::http::client()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        Self {
            http,
            cookies: Mutex::default(),
        }
    }

    /// One request, with its cookies.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder, url: &Url) -> Answer {
        let mut headers = HeaderMap::new();
        let cookies = self.sent_to(url);
        if !cookies.is_empty() {
            headers.insert(COOKIE, cookies.parse().unwrap());
        }
        let response = request.headers(headers).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for set in headers.get_all(SET_COOKIE) {
            self.keep(url, set.to_str().unwrap());
        }
        let bytes = response.bytes().await.unwrap().to_vec();
        Answer {
            status,
            headers,
            bytes,
        }
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        let url = Url::parse(url).unwrap();
        self.send(self.http.get(url.clone()), &url).await
    }

    /// A request by another method, with these headers.
    pub(crate) async fn ask(
        &self,
        method: reqwest::Method,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let url = Url::parse(url).unwrap();
        let mut request = self.http.request(method, url.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request, &url).await
    }

    pub(crate) async fn post(&self, url: &str, body: &Value) -> Answer {
        let url = Url::parse(url).unwrap();
        self.send(self.http.post(url.clone()).json(body), &url)
            .await
    }

    /// Follows redirects, to wherever `stays` holds; the first other address ends the journey.
    pub(crate) async fn follow(&self, url: &str, stays: impl Fn(&Url) -> bool) -> Arrival {
        let mut url = Url::parse(url).unwrap();
        for _ in 0..10 {
            if !stays(&url) {
                return Arrival { url, answer: None };
            }
            let answer = self.send(self.http.get(url.clone()), &url).await;
            match answer.header("location") {
                Some(next) => url = url.join(next).unwrap(),
                None => {
                    return Arrival {
                        url,
                        answer: Some(answer),
                    };
                }
            }
        }
        panic!("it goes round in circles: {url}");
    }

    fn keep(&self, url: &Url, set: &str) {
        let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
        let key = (url.host_str().unwrap().to_owned(), name.to_owned());
        self.cookies.lock().unwrap().insert(key, value.to_owned());
    }

    fn sent_to(&self, url: &Url) -> String {
        let cookies = self.cookies.lock().unwrap();
        let own = cookies
            .iter()
            .filter(|((host, _), _)| Some(host.as_str()) == url.host_str());
        let pairs: Vec<String> = own
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// All cookies' values: what no log may hold.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.cookies.lock().unwrap().values().cloned().collect()
    }
}
