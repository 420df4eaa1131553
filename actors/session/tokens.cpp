#include "actors/base/mutants.hpp"
#include "actors/session/state.hpp"
#include "supervisors/reservation_forms.hpp"

/// Refresh tokens and the end of sessions.
namespace tk::session {

namespace {

/// What is on record of the user's tokens: for this session, and for the door of the node.
void note_revocation(pointer self, instant at) {
  auto& st = self->state;
  st.core.revoke(at);
  st.node->revoked.note(st.user, at, st.node->clock->now());
}

/// Nobody knows whether tokens were ended. The memory says no yes by itself from here on, and once
/// more when the op has certainly ended.
void doubt_tokens(pointer self) {
  auto& st = self->state;
  st.core.doubt();
  ++st.open_requests; // Something is open: no passivation meanwhile.
  self->delayed_send(self, ledger_budget + resolve_patience, atom::resolve_v);
}

/// `done(ec, revoked_before)`.
template <class F> void open_family_of(pointer self, const start_family_v2& cmd, F done) {
  auto& st = self->state;
  open_family what{st.user,    cmd.family,      cmd.token_hash, cmd.ttl_s,      st.address,
                   cmd.life_s, cmd.credentials, cmd.ends,       cmd.user_agent, cmd.address};
  submit_op(self, std::move(what), [=](outcome is, const verdict& v) {
    // The account was closed, or its password changed, since it was verified.
    bool stale = is == outcome::not_pending || is == outcome::moved;
    done(stale ? ec::bad_credentials : to_ec(is), v.at);
  });
}

void end_sessions_of(pointer self, const end_sessions& cmd,
                     const reply_ptr<sessions_ended>& reply) {
  auto& st = self->state;
  if (!st.core.accepts(cmd.token_issued_at)) return reply->deliver({ec::not_authenticated, {}});
  revoke_tokens what{st.user,      st.address,   cmd.keep, cmd.only,
                     cmd.old_hash, cmd.new_hash, cmd.close};
  submit_op(self, std::move(what), [=](outcome is, const verdict& v) {
    if (is == outcome::unknown) doubt_tokens(self);
    note_revocation(self, v.at);
    auto why = is == outcome::moved         ? ec::password_wrong
               : is == outcome::not_pending ? ec::route_unknown
                                            : to_ec(is);
    reply->deliver({why, v.at});
  });
}

} // namespace

caf::result<family_started_v2> on_start_family(pointer self, const start_family_v2& cmd) {
  auto reply = promise_reply<family_started_v2>(self);
  open_family_of(self, cmd, [reply](ec is, instant revoked_before) {
    reply->deliver({is, revoked_before});
  });
  return reply->rp;
}

caf::result<family_started> on_start_family(pointer self, const start_family& cmd) {
  auto reply = promise_reply<family_started>(self);
  start_family_v2 same;
  same.family = cmd.family;
  same.token_hash = cmd.token_hash;
  same.ttl_s = cmd.ttl_s;
  open_family_of(self, same, [reply](ec is, instant) { reply->deliver({is}); });
  return reply->rp;
}

caf::result<family_rotated> on_rotate(pointer self, const rotate_family& cmd) {
  auto& st = self->state;
  auto reply = promise_reply<family_rotated>(self);
  rotate_token what{st.user, cmd.family, cmd.token_hash, cmd.next_hash, cmd.ttl_s, st.address};
  submit_op(self, std::move(what), [=](outcome is, const verdict& v) {
    if (is == outcome::unknown) doubt_tokens(self);
    note_revocation(self, v.at); // A reuse has moved it.
    reply->deliver({is == outcome::not_pending ? ec::refresh_invalid : to_ec(is), v.at});
  });
  return reply->rp;
}

caf::result<sessions_ended> on_end_sessions(pointer self, const end_sessions& cmd) {
  auto reply = promise_reply<sessions_ended>(self);
  with_rows(self, reply, [=] { end_sessions_of(self, cmd, reply); });
  return reply->rp;
}

caf::result<all_revoked> on_revoke(pointer self, const revoke_all& cmd) {
  auto reply = promise_reply<all_revoked>(self);
  with_rows(self, reply, [=] {
    auto& st = self->state;
    if (!st.core.accepts(cmd.token_issued_at)) return reply->deliver({ec::not_authenticated});
    submit_op(self, revoke_tokens{st.user, st.address}, [=](outcome is, const verdict& v) {
      // Mutant: the memory goes on with what was revoked.
      if (is == outcome::ok && !mutant("keeps_sessions")) note_revocation(self, v.at);
      if (is == outcome::unknown) doubt_tokens(self);
      reply->deliver({to_ec(is)});
    });
  });
  return reply->rp;
}

void on_settled(pointer self) {
  --self->state.open_requests;
  self->state.core.doubt();
}

} // namespace tk::session
