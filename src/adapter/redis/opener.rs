//! How a line is opened: found, connected, checked, told its generation, made to hear the bells, given to everybody.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisResult, Value};
use tokio::task::JoinSet;

use super::address::{Node, RedisSettings, Servers};
use super::connection::{OPENING, late, unavailable};
use super::generation::StoreGeneration;
use super::lines::{Line, Lines, Shard, Shared, Slots};
use super::masters::Masters;
use super::sentinels::Sentinels;
use super::server::{Server, refuse_if};
use super::slot::SLOTS;
use crate::base::Clock;
use crate::ports::{PortError, PortResult};

/// Opens the lines of this process.
pub(super) struct Opener {
    settings: RedisSettings,
    finding: Finding,
    channel: String,
    shared: Arc<Shared>,
    generation: StoreGeneration,
    clock: Arc<dyn Clock>,
    opened: AtomicU64,
    untouched: AtomicBool,
    warned: AtomicBool,
    /// Ends with this.
    watching: Mutex<JoinSet<()>>,
}

/// How the servers are found.
enum Finding {
    One(Client),
    Sentinel(Arc<Sentinels>),
    Cluster(Masters),
}

impl Opener {
    pub(super) fn new(
        settings: &RedisSettings,
        clock: Arc<dyn Clock>,
        untouched: bool,
    ) -> RedisResult<Arc<Self>> {
        let finding = match &settings.servers {
            Servers::One(url) => Finding::One(settings.to_one(url)?),
            Servers::Sentinel(watched) => Finding::Sentinel(Arc::new(Sentinels::new(settings, watched)?)),
            Servers::Cluster { seeds, .. } => Finding::Cluster(Masters::new(seeds)),
        };
        Ok(Arc::new(Self {
            settings: settings.clone(),
            finding,
            channel: format!("{}:bells", settings.prefix),
            shared: Arc::new(Shared::new()),
            generation: StoreGeneration::new(&settings.prefix),
            clock,
            opened: AtomicU64::new(0),
            untouched: AtomicBool::new(untouched),
            warned: AtomicBool::new(false),
            watching: Mutex::new(JoinSet::new()),
        }))
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) const fn generation(&self) -> &StoreGeneration {
        &self.generation
    }

    /// Where changes of approvals are told.
    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    /// Steps: 1. find the servers; 2. connect and check each; 3. learn the generation; 4. listen to the bells; 5. let
    /// everybody use them.
    pub(super) async fn open(self: &Arc<Self>) -> PortResult<Arc<Lines>> {
        let (spare, hearing) = self.shared.spare();
        let shards = match &self.finding {
            Finding::One(client) => vec![self.only(client.clone(), None).await?],
            Finding::Sentinel(sentinels) => {
                let node = sentinels.primary().await?;
                let client = self.settings.to_node(&node).map_err(|error| unavailable(&error))?;
                vec![self.only(client, Some(node)).await?]
            }
            Finding::Cluster(masters) => self.masters(masters, &spare).await?,
        };
        let untouched = self.untouched.load(Ordering::SeqCst);
        let established = self.generation.establish(&shards, self.clock.now(), untouched).await;
        established.map_err(|error| unavailable(&error))?;
        self.untouched.store(false, Ordering::SeqCst);
        let lines = Arc::new(Lines { shards });
        let hearing = self.hear(&lines, hearing).await?;
        if !self.shared.put(&lines, hearing) {
            return Err(PortError::Unavailable(String::from("redis: lost while it was opened")));
        }
        // Whatever was told in between was not heard.
        self.shared.bells.ring_all();
        self.watch(&lines);
        Ok(lines)
    }

    /// The shard that has everything.
    async fn only(&self, client: Client, node: Option<Node>) -> PortResult<Shard> {
        let (line, server) = self.line(client, node).await?;
        refuse_if(server.in_cluster, "it has a part of the keys only: its address is redis+cluster://")?;
        if matches!(self.finding, Finding::Sentinel(_)) && !server.guarded {
            self.warn_once();
        }
        let (slots, witness) = (vec![0..=SLOTS - 1], self.generation.key().to_owned());
        Ok(Shard { line, slots, replication_id: server.replication_id, witness })
    }

    async fn masters(self: &Arc<Self>, masters: &Masters, spare: &[Line]) -> PortResult<Vec<Shard>> {
        let mut opening = JoinSet::new();
        for master in masters.find(&self.settings, spare).await? {
            let line = spare.iter().find(|line| line.node.as_ref() == Some(&master.node)).cloned();
            let opener = Arc::clone(self);
            opening.spawn(async move { opener.master(line, master.node, master.slots).await });
        }
        let mut shards = opening.join_all().await.into_iter().collect::<PortResult<Vec<_>>>()?;
        shards.sort_by_key(|shard| shard.slots.first().map(|slots| *slots.start()));
        Ok(shards)
    }

    async fn master(&self, open: Option<Line>, node: Node, slots: Vec<Slots>) -> PortResult<Shard> {
        let (line, server) = if let Some(line) = open {
            self.checked(line).await?
        } else {
            let client = self.settings.to_node(&node).map_err(|error| unavailable(&error))?;
            self.line(client, Some(node)).await?
        };
        let witness = self.generation.witness_of(&slots);
        Ok(Shard { line, slots, replication_id: server.replication_id, witness })
    }

    async fn line(&self, client: Client, node: Option<Node>) -> PortResult<(Line, Server)> {
        let serial = self.opened.fetch_add(1, Ordering::SeqCst);
        let connection = client.get_multiplexed_async_connection_with_config(&self.config(serial)).await;
        let connection = connection.map_err(|error| unavailable(&error))?;
        self.checked(Line { serial, node, connection }).await
    }

    async fn checked(&self, mut line: Line) -> PortResult<(Line, Server)> {
        // A line that was left may be dead without saying so: it must be lost, not tried again at each opening.
        let info = redis::cmd("INFO");
        let asked = tokio::time::timeout(CHECK, info.query_async(&mut line.connection));
        let answer: RedisResult<String> = asked.await.unwrap_or_else(|_| Err(late()));
        let server = answer.map_err(|error| unavailable(&error)).and_then(|info| Server::read(&info));
        match server {
            Ok(server) => Ok((line, server)),
            Err(error) => {
                self.shared.lose(line.serial);
                Err(error)
            }
        }
    }

    /// The line on which bells are heard: every node of a cluster hears what is told to one.
    async fn hear(&self, lines: &Lines, hearing: Option<u64>) -> PortResult<u64> {
        let all = || lines.shards.iter().map(|shard| &shard.line);
        if let Some(line) = all().find(|line| Some(line.serial) == hearing) {
            return Ok(line.serial);
        }
        let line = all().next().ok_or_else(|| PortError::Unavailable(String::from("redis: no servers")))?;
        let mut connection = line.connection.clone();
        connection.subscribe(&self.channel).await.map_err(|error| unavailable(&error))?;
        Ok(line.serial)
    }

    /// Has the sentinels asked whether the primary is still the same, until these lines are not used any more.
    fn watch(&self, lines: &Lines) {
        let Finding::Sentinel(sentinels) = &self.finding else { return };
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        watching.abort_all();
        for Line { serial, node, .. } in lines.shards.iter().map(|shard| &shard.line) {
            let Some(node) = node.clone() else { continue };
            let shared = Arc::downgrade(&self.shared);
            watching.spawn(Arc::clone(sentinels).watch(shared, *serial, node));
        }
    }

    fn warn_once(&self) {
        if !self.warned.swap(true, Ordering::SeqCst) {
            tracing::warn!(
                "Redis takes writes while it is cut off from its replicas: set min-replicas-to-write to 1"
            );
        }
    }

    fn config(&self, serial: u64) -> AsyncConnectionConfig {
        // Weak: the connection must not keep itself.
        let shared = Arc::downgrade(&self.shared);
        let hear = move |push: PushInfo| {
            let shared = shared.upgrade().ok_or(())?;
            match push.kind {
                PushKind::Disconnection => {
                    shared.lose(serial);
                    shared.bells.ring_all();
                }
                PushKind::Message => {
                    if let Some(Value::BulkString(key)) = push.data.last() {
                        shared.bells.of(key).notify_waiters();
                    }
                }
                _ => {}
            }
            Ok::<(), ()>(())
        };
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(OPENING))
            // A timer for each command: whoever asks has one already, for all of it.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(PIPELINE)
            .set_push_sender(hear)
    }
}

/// How long a line may take to answer when it is checked: less than is left of [`OPENING`] once the servers are found.
const CHECK: Duration = Duration::from_millis(400);
/// Commands queued before callers wait.
const PIPELINE: usize = 1024;
