//! The sender of messages that settings describe.

use std::sync::Arc;

use crate::adapter::file_sender::FileSender;
use crate::adapter::log_sender::LogSender;
use crate::adapter::message_queue::{Carriers, MessageQueue, Pace, QueueWorker};
use crate::adapter::sms_gateway::{GatewaySettings, SmsGateway};
use crate::adapter::smtp_sender::{SmtpSecurity, SmtpSender, SmtpSettings};
use crate::base::Clock;
use crate::config::{Config, SenderDocuments, Sms, Smtp, SmtpTls};
use crate::ports::CodeSender;

/// A sender, and the worker of its queue where it has one.
pub(super) struct Chosen {
    pub(super) sender: Arc<dyn CodeSender>,
    pub(super) worker: Option<QueueWorker>,
}

/// Makes the sender; nothing is connected yet.
pub(super) fn choose(
    config: &Config,
    documents: Option<&SenderDocuments>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Chosen> {
    if let (Some(senders), Some(documents)) = (&config.mobile.senders, documents) {
        let carriers = Carriers {
            email: Arc::new(SmtpSender::new(&relay(&senders.smtp, documents))?),
            phone: Arc::new(SmsGateway::new(&gateway(&senders.sms, documents))?),
        };
        let (queue, worker) = MessageQueue::new(carriers, Pace::default(), Arc::clone(clock));
        return Ok(Chosen { sender: Arc::new(queue), worker: Some(worker) });
    }
    let sender: Arc<dyn CodeSender> = match &config.mobile.activation_codes_file {
        Some(path) => Arc::new(FileSender::new(path.clone())),
        None => Arc::new(LogSender::default()),
    };
    Ok(Chosen { sender, worker: None })
}

fn relay(smtp: &Smtp, documents: &SenderDocuments) -> SmtpSettings {
    let user = smtp.login.as_ref().map(|(user, _)| user.clone());
    SmtpSettings {
        host: smtp.host.clone(),
        port: smtp.port,
        security: match smtp.tls {
            SmtpTls::StartTls => SmtpSecurity::StartTls,
            SmtpTls::Implicit => SmtpSecurity::Implicit,
            SmtpTls::None => SmtpSecurity::None,
        },
        credentials: user.zip(documents.smtp_password.clone()),
        authorities: documents.smtp_authorities.clone(),
        from: smtp.from.clone(),
        subject: smtp.subject.clone(),
        notice_subject: smtp.notice_subject.clone(),
    }
}

fn gateway(sms: &Sms, documents: &SenderDocuments) -> GatewaySettings {
    GatewaySettings {
        url: sms.url.clone(),
        token: documents.sms_token.clone(),
        authorities: documents.sms_authorities.clone(),
    }
}
