//! An agent with a caller, written through the store's own functions, as the engine and the desk do it. For the tests of the agent's page and API.

use super::*;
use crate::agent::state::Freed;
use crate::db::agent_sessions::{self, Reservation};
use crate::db::agents::{self, Profile};
use crate::db::state::{PageWord, Reach, TransferMode, TransferOutcome};
use crate::db::transfers::{self, NewTransfer, TransferMoment};
use crate::ids::{AgentId, AttemptId, ReservationToken, TransferId, uuid_v7};
use crate::phone::Pii;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

/// The call of the morning in which Q1 and Q2 were bad: 何雪 is on the line.
pub const UNHAPPY: u16 = 18;

/// Somebody who takes calls in the page, and the engine that has the callers.
pub struct Desk {
    pool: PgPool,
    clock: Clock,
    pub agent: AgentId,
    token: ReservationToken,
    pub transfer: TransferId,
}

impl Desk {
    /// Makes a user an agent.
    pub async fn of(pool: &PgPool, clock: Clock, user: UserId) -> Desk {
        let profile = Profile {
            user: Some(user),
            name: Pii::new("王芳".to_owned()),
            staff_number: Some("1024".to_owned()),
            skills: Vec::new(),
            languages: Vec::new(),
            reach: Reach::Browser,
            sip_user: None,
            sip_uri: None,
            trunk: None,
            auto_answer: false,
            attended: false,
        };
        let agent = fixture::id(1);
        agents::add(&mut pool.acquire().await.unwrap(), agent, &profile, None, clock.now()).await.unwrap();
        let nothing = uuid::Uuid::nil();
        Desk { pool: pool.clone(), clock, agent, token: nothing.into(), transfer: nothing.into() }
    }

    pub async fn conn(&self) -> PoolConnection<Postgres> {
        self.pool.acquire().await.unwrap()
    }

    /// Holds the agent for the unhappy caller.
    pub async fn reserve(&mut self) {
        self.reserve_for(fixture::id(UNHAPPY)).await;
    }

    pub async fn reserve_for(&mut self, attempt: AttemptId) {
        let now = self.clock.now();
        let new = || uuid_v7(u64::try_from(now.timestamp_millis()).unwrap(), rand::random());
        (self.token, self.transfer) = (new().into(), new().into());
        let transfer = NewTransfer {
            id: self.transfer,
            attempt,
            agent: Some(self.agent),
            mode: Some(TransferMode::Bridge),
            node: "a",
            at: now,
        };
        let reservation = Reservation { transfer, token: self.token, ttl: chrono::TimeDelta::minutes(10) };
        assert!(agent_sessions::reserve(&mut *self.conn().await, &reservation).await.unwrap(), "the agent is free");
    }

    async fn moment(&self, moment: TransferMoment) {
        transfers::moment(&mut *self.conn().await, self.transfer, moment, self.clock.now()).await.unwrap();
    }

    /// The customer wants a person; the page rings.
    pub async fn ring(&self) {
        self.moment(TransferMoment::Offered).await;
        self.moment(TransferMoment::Wanted).await;
        assert!(agent_sessions::ringing(&mut *self.conn().await, self.token, self.clock.now()).await.unwrap());
        self.moment(TransferMoment::Ringing).await;
    }

    /// The two talk.
    pub async fn talk(&self) {
        assert!(agent_sessions::talking(&mut *self.conn().await, self.token, self.clock.now()).await.unwrap());
        self.moment(TransferMoment::Answered).await;
        self.moment(TransferMoment::Accepted).await;
    }

    /// The hand-over is over.
    pub async fn end(&self, freed: Freed, outcome: TransferOutcome) {
        self.moment(TransferMoment::Ended(outcome)).await;
        let wrap_up = chrono::TimeDelta::seconds(60);
        agent_sessions::free(&mut *self.conn().await, self.token, freed, wrap_up, self.clock.now()).await.unwrap();
    }

    /// What the page said, and with which offer.
    pub async fn word(&self) -> (Option<PageWord>, Option<String>) {
        let said = transfers::page_word(&mut *self.conn().await, self.transfer).await.unwrap();
        (said.word, said.offer)
    }
}
