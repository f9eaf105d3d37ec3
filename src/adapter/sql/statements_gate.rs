//! What a group passes through the gate (migration 0009): one call for all of a kind.

/// What PostgreSQL alone runs, by name.
pub const GATE_ONLY_POSTGRES: [(&str, &str); 3] =
    [("gate_issue", GATE_ISSUE), ("gate_rotate", GATE_ROTATE), ("gate_decide", GATE_DECIDE)];

pub(super) const GATE_ISSUE: &str = "SELECT sceau_issue(i._artefact_1, i._artefact_2, i._session, i._fence, i._hash, i._until, \
     i._expires, i._presented, i._grant, i._sid, i._person, i._client, i._device, \
     i._authenticated, i._represented, i._represented_since, i._agreed, i._created, \
     i._grant_sealed, i._family, i._current, i._current_sealed, i._jkt, i._absolute, i._idle, \
     i._jti, i._kid, i._issued, i._kept_until) FROM unnest($1::integer[], $2::integer[], \
     $3::bigint[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bytea[], \
     $9::uuid[], $10::uuid[], $11::uuid[], $12::text[], $13::uuid[], $14::bigint[], \
     $15::uuid[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bytea[], $20::uuid[], \
     $21::bytea[], $22::bytea[], $23::bytea[], $24::bigint[], $25::bigint[], $26::text[], \
     $27::text[], $28::bigint[], $29::bigint[]) AS i (_artefact_1, _artefact_2, _session, \
     _fence, _hash, _until, _expires, _presented, _grant, _sid, _person, _client, _device, \
     _authenticated, _represented, _represented_since, _agreed, _created, _grant_sealed, \
     _family, _current, _current_sealed, _jkt, _absolute, _idle, _jti, _kid, _issued, \
     _kept_until)";

pub(super) const GATE_ROTATE: &str = "SELECT sceau_rotate(i._grant, i._sid, i._person, i._client, i._device, i._authenticated, \
     i._represented, i._represented_since, i._family, i._generation, i._presented, i._next, \
     i._next_sealed, i._idle, i._jti, i._kid, i._issued, i._kept_until) FROM unnest($1::uuid[], \
     $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::bigint[], $7::uuid[], $8::bigint[], \
     $9::uuid[], $10::bigint[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bigint[], \
     $15::text[], $16::text[], $17::bigint[], $18::bigint[]) AS i (_grant, _sid, _person, \
     _client, _device, _authenticated, _represented, _represented_since, _family, _generation, \
     _presented, _next, _next_sealed, _idle, _jti, _kid, _issued, _kept_until)";

pub(super) const GATE_DECIDE: &str = "SELECT sceau_decide(i._approval_hash, i._challenge_hash, i._until, i._expires, i._device, \
     i._person, i._sign_count, i._approval, i._decided, i._proof, i._evidence) FROM \
     unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::uuid[], $6::uuid[], \
     $7::bigint[], $8::uuid[], $9::bigint[], $10::bytea[], $11::bytea[]) AS i (_approval_hash, \
     _challenge_hash, _until, _expires, _device, _person, _sign_count, _approval, _decided, \
     _proof, _evidence)";
