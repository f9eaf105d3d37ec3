//! `sceau phone` and its way over HTTP, against a server on the loopback address.

use std::process::ExitCode;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::{get, post};
use clap::Parser;
use sceau::cli::phone::{PhoneArgs, run};
use sceau::phone::{Call, HttpTransport, Transport, TransportError};
use serde_json::{Value, json};
use url::Url;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    phone: PhoneArgs,
}

async fn serve(router: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn call(path: &str) -> Call {
    let body = Some(json!({ "a": 1 }));
    Call { method: http::Method::POST, path: String::from(path), dpop: Some(String::from("proof")), body }
}

#[tokio::test]
async fn a_call_goes_out_whole_and_comes_back_whole() {
    let echo = |headers: HeaderMap, body: String| async move {
        let said = json!({
            "dpop": headers.get_all("dpop").iter().map(|one| one.to_str().unwrap()).collect::<Vec<_>>(),
            "content_type": headers["content-type"].to_str().unwrap(),
            "body": serde_json::from_str::<Value>(&body).unwrap(),
        });
        (http::StatusCode::CREATED, [("DPoP-Nonce", "n1")], said.to_string())
    };
    let server = serve(Router::new().route("/mobile/v1/echo", post(echo))).await;
    let reply = HttpTransport::new(&server).unwrap().send(call("/mobile/v1/echo")).await.unwrap();
    assert_eq!((reply.status, reply.dpop_nonce.as_deref()), (201, Some("n1")));
    assert_eq!(
        reply.body,
        json!({ "dpop": ["proof"], "content_type": "application/json", "body": { "a": 1 } })
    );
}

#[tokio::test]
async fn redirects_are_not_followed_and_answers_have_a_size() {
    let router = Router::new()
        .route("/away", post(|| async { Redirect::temporary("/there") }))
        .route("/there", post(|| async { "{}" }))
        .route("/page", post(|| async { "<html>" }))
        .route("/long", post(|| async { format!("\"{}\"", "x".repeat(300_000)) }))
        .route("/nothing", get(|| async { "" }).post(|| async { "" }));
    let transport = HttpTransport::new(&serve(router).await).unwrap();
    assert_eq!(transport.send(call("/away")).await.unwrap().status, 307);
    assert_eq!(transport.send(call("/nothing")).await.unwrap().body, Value::Null);
    for path in ["/page", "/long"] {
        assert_eq!(transport.send(call(path)).await.unwrap_err(), TransportError::NotJson, "{path}");
    }
}

#[test]
fn plain_http_is_for_this_machine_only() {
    for server in ["http://example.org", "http://10.0.0.1", "ftp://localhost", "http://localhost.example.org"]
    {
        let refused = HttpTransport::new(&Url::parse(server).unwrap()).err();
        assert_eq!(refused, Some(TransportError::Insecure), "{server}");
    }
    for server in ["https://example.org", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:8443"] {
        assert!(HttpTransport::new(&Url::parse(server).unwrap()).is_ok(), "{server}");
    }
}

#[tokio::test]
async fn exit_codes_tell_what_happened() {
    let refuse = || async {
        let body = json!({ "error": "invalid_activation_codes" }).to_string();
        (http::StatusCode::BAD_REQUEST, body)
    };
    let server = serve(Router::new().route("/mobile/v1/enrolments", post(refuse))).await;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("phone.json");
    let state = state.to_str().unwrap();
    let enrol = |server: &str| {
        let codes = ["--person", "899700000012", "--code-email", "A", "--code-phone", "B"];
        let place = ["phone", "--json", "enrol", "--server", server, "--state", state];
        Command::parse_from(place.into_iter().chain(codes)).phone
    };
    let simple = |command: &str| Command::parse_from(["phone", command, "--state", state]).phone;
    assert_eq!(run(simple("pending")).await, ExitCode::from(1), "no file");
    assert_eq!(run(enrol("http://example.org")).await, ExitCode::from(64), "insecure");
    assert_eq!(run(enrol(server.as_str())).await, ExitCode::from(2), "refused");
    assert_eq!(run(enrol(server.as_str())).await, ExitCode::from(2), "again, with the same file");
    assert_eq!(run(simple("pending")).await, ExitCode::from(64), "not enrolled");
    assert_eq!(run(enrol("https://example.com")).await, ExitCode::from(1), "file of another server");
}

#[test]
fn the_command_line_is_consistent() {
    use clap::CommandFactory as _;
    Command::command().debug_assert();
    let approve = ["phone", "approve", "--state", "p.json", "--number", "47", "--id", "x", "--json"];
    assert!(Command::try_parse_from(approve).is_ok());
    assert!(Command::try_parse_from(["phone", "approve", "--number", "47"]).is_err());
}
