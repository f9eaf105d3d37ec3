//! A small mail relay over a real socket (RFC 5321, RFC 3207), that answers as told and keeps what it takes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sceau::adapter::smtp_sender::{SmtpSecurity, SmtpSettings};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How the relay begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// In clear, and stays there.
    Plain,
    /// In clear, offering STARTTLS.
    StartTls,
    /// In TLS.
    Tls,
}

/// The relay.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: String,
    greeting: Greeting,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    /// Answers to the next messages; then 250.
    script: Mutex<VecDeque<&'static str>>,
    accepted: Mutex<Vec<String>>,
    /// User and password, as sent.
    logins: Mutex<Vec<String>>,
    arrived: Semaphore,
    allowed: Semaphore,
    taken: Semaphore,
}

impl MailServer {
    /// A relay that answers at once.
    pub(crate) async fn open(greeting: Greeting) -> Self {
        let server = Self::held(greeting).await;
        server.release();
        server
    }

    /// A relay that says nothing after a message until it is released.
    pub(crate) async fn held(greeting: Greeting) -> Self {
        let made = rcgen::generate_simple_self_signed([String::from("localhost")]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::default(),
            accepted: Mutex::default(),
            logins: Mutex::default(),
            arrived: Semaphore::new(0),
            allowed: Semaphore::new(0),
            taken: Semaphore::new(0),
        });
        let mut tasks = JoinSet::new();
        let (acceptor, common) = (acceptor(&certificate, &key), Arc::clone(&shared));
        tasks.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, common) = (acceptor.clone(), Arc::clone(&common));
                conversations.spawn(async move {
                    if greeting == Greeting::Tls {
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        let _ = talk(stream, &common, Greeting::Tls, true).await;
                        return;
                    }
                    let Some(stream) = talk(stream, &common, greeting, true).await else { return };
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let _ = talk(stream, &common, Greeting::Tls, false).await;
                });
            }
        });
        Self { address, certificate, greeting, shared, _tasks: tasks }
    }

    /// What a sender needs to reach it.
    pub(crate) fn settings(&self) -> SmtpSettings {
        let (host, security) = match self.greeting {
            Greeting::Plain => ("127.0.0.1", SmtpSecurity::None),
            Greeting::StartTls => ("localhost", SmtpSecurity::StartTls),
            Greeting::Tls => ("localhost", SmtpSecurity::Implicit),
        };
        SmtpSettings {
            host: host.to_owned(),
            port: self.address.port(),
            security,
            credentials: None,
            authorities: (self.greeting != Greeting::Plain).then(|| self.certificate.clone()),
            from: String::from("sceau <noreply@id.example.fr>"),
            subject: String::from("Activation de votre téléphone"),
            notice_subject: String::from("Nouveau téléphone"),
        }
    }

    /// Answers the next message with `answer`.
    pub(crate) fn answer(&self, answer: &'static str) {
        self.shared.script.lock().unwrap().push_back(answer);
    }

    /// Answers from now on.
    pub(crate) fn release(&self) {
        self.shared.allowed.add_permits(10_000);
    }

    /// Waits until a message was sent to it, answered or not.
    pub(crate) async fn arrival(&self) {
        self.shared.arrived.acquire().await.unwrap().forget();
    }

    /// Waits for the next message that it takes.
    pub(crate) async fn taken(&self) -> String {
        self.shared.taken.acquire().await.unwrap().forget();
        self.accepted().last().unwrap().clone()
    }

    /// Messages taken: the envelope's recipient, then the message as sent.
    pub(crate) fn accepted(&self) -> Vec<String> {
        self.shared.accepted.lock().unwrap().clone()
    }

    pub(crate) fn logins(&self) -> Vec<String> {
        self.shared.logins.lock().unwrap().clone()
    }
}

fn acceptor(certificate: &str, key: &str) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Speaks until the client leaves, or asks for TLS: then the stream to begin it on.
async fn talk<S>(stream: S, shared: &Shared, greeting: Greeting, greets: bool) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut lines = BufReader::new(stream);
    let mut recipient = String::new();
    if greets {
        say(&mut lines, "220 relay.example ESMTP").await?;
    }
    loop {
        let line = hear(&mut lines).await?;
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" if greeting == Greeting::StartTls => {
                say(&mut lines, "250-relay.example\r\n250 STARTTLS").await?;
            }
            "EHLO" => say(&mut lines, "250-relay.example\r\n250-8BITMIME\r\n250 AUTH PLAIN").await?,
            "STARTTLS" => {
                say(&mut lines, "220 go").await?;
                return Some(lines.into_inner());
            }
            "AUTH" => {
                let sent = line.rsplit(' ').next().unwrap_or_default();
                let bytes = base64::engine::general_purpose::STANDARD.decode(sent).unwrap();
                let login = String::from_utf8(bytes).unwrap().replace('\0', " ");
                shared.logins.lock().unwrap().push(login.trim().to_owned());
                say(&mut lines, "235 welcome").await?;
            }
            "RCPT" => {
                recipient = line;
                say(&mut lines, "250 ok").await?;
            }
            "DATA" => {
                say(&mut lines, "354 go").await?;
                let mail = data(&mut lines, &recipient).await?;
                shared.arrived.add_permits(1);
                shared.allowed.acquire().await.ok()?.forget();
                let answer = shared.script.lock().unwrap().pop_front().unwrap_or("250 taken");
                if answer.starts_with("250") {
                    shared.accepted.lock().unwrap().push(mail);
                    shared.taken.add_permits(1);
                }
                say(&mut lines, answer).await?;
            }
            "QUIT" => {
                say(&mut lines, "221 bye").await?;
                return None;
            }
            _ => say(&mut lines, "250 ok").await?,
        }
    }
}

async fn data<S: AsyncRead + Unpin>(lines: &mut BufReader<S>, recipient: &str) -> Option<String> {
    let mut mail = format!("{recipient}\n");
    loop {
        let line = hear(lines).await?;
        if line == "." {
            return Some(mail);
        }
        mail.push_str(&line);
        mail.push('\n');
    }
}

async fn hear<S: AsyncRead + Unpin>(lines: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let read = lines.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(lines: &mut BufReader<S>, text: &str) -> Option<()> {
    lines.get_mut().write_all(format!("{text}\r\n").as_bytes()).await.ok()?;
    lines.get_mut().flush().await.ok()
}
