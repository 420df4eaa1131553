#include "actors/session/actor.hpp"

#include "actors/base/mutants.hpp"
#include "actors/session/state.hpp"

/// What a session knows of its rows, and its clauses.
namespace tk {

namespace session {

pending_hold to_pending(const reservation_row& row) {
  pending_hold out{row.id, row.event, row.expires_at, row.lead_block, {}};
  for (auto& x : row.items)
    if (x.is_seat()) out.seats.push_back(x.seat);
  return out;
}

namespace {

std::vector<pending_hold> pending_of(const session_rows& rows) {
  std::vector<pending_hold> out;
  out.reserve(rows.pending.size());
  for (auto& x : rows.pending) out.push_back(to_pending(x));
  return out;
}

std::vector<key_record> keys_of(const session_rows& rows) {
  std::vector<key_record> out;
  out.reserve(rows.keys.size());
  for (auto& x : rows.keys) out.push_back({x.operation, x.key, x.digest, x.reservation});
  return out;
}

passivation on_passivate(pointer self) {
  auto& st = self->state;
  bool idle = st.open_requests == 0 && st.waiting.empty() && st.core.idle();
  if (idle) self->quit();
  return {idle};
}

/// Attempts of unknown outcome count for nothing: they name this shard's epoch, so they have
/// committed before it rises, or never will.
passivation on_leave(pointer self) {
  auto& st = self->state;
  bool may = st.open_requests == 0 && st.waiting.empty();
  if (mutant("leaves_its_wishes")) may = true; // Planted: whoever waits for one hears nothing.
  if (may) self->quit();
  return {may};
}

/// Wishes of a life that ended unexpectedly are with their blocks: the barrier knows nothing of
/// them yet, and they commit in this very epoch. Until they have ended nothing new is asked for,
/// and then the rows are read once more.
void expect_orphans(pointer self) {
  auto& st = self->state;
  constexpr millis ended = claim_budget + resolve_patience;
  st.orphans_until = st.node->clock->now() + ended;
  ++st.open_requests; // Something is open: no passivation meanwhile.
  self->delayed_send(self, ended, atom::resolve_v);
}

self_actor::behavior_type behave(pointer self, node_context* node, user_id user,
                                 participant address, bool orphans) {
  auto& st = self->state;
  st.node = node;
  st.user = user;
  st.address = address;
  if (orphans) expect_orphans(self);
  node->probe.sessions_active++;
  return {
    [=](const reserve_items& x) { return on_reserve(self, x); },
    [=](const reserve_items& x, const trace_context& t) { return on_reserve(self, x, t); },
    [=](const cancel_reservation& x) { return on_cancel(self, x); },
    [=](const once<cancel_reservation>& x) { return on_cancel(self, x.what, x.key); },
    [=](const join_queue& x) { return on_join_queue(self, x); },
    [=](const start_family& x) { return on_start_family(self, x); },
    [=](const start_family_v2& x) { return on_start_family(self, x); },
    [=](const rotate_family& x) { return on_rotate(self, x); },
    [=](const end_sessions& x) { return on_end_sessions(self, x); },
    [=](const revoke_all& x) { return on_revoke(self, x); },
    [=](passivate) { return on_passivate(self); },
    [=](leave) { return on_leave(self); },
    [=](count_mailbox x) { return mailbox_of(self, x); },
    [=](atom::resolve, reservation_id attempt) { on_resolve(self, attempt); },
    [=](atom::resolve) { on_settled(self); },
  };
}

} // namespace

void read_rows(pointer self, std::function<void()> then, std::function<void()> failed) {
  auto& st = self->state;
  auto commits = st.core.commits();
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_session{st.user})
    .then(
      [=](const session_rows& rows) {
        --self->state.open_requests;
        auto& core = self->state.core;
        if (core.commits() != commits) // Older than what the memory knows by now.
          return read_rows(self, then, failed);
        core.reload(rows.user_known, rows.revoked_before, pending_of(rows), keys_of(rows));
        then();
      },
      [=](caf::error&) {
        --self->state.open_requests;
        failed();
      });
}

} // namespace session

session_actor spawn_session(node_context& node, user_id user, participant self, bool orphans) {
  return node.system->spawn(session::behave, &node, user, self, orphans);
}

} // namespace tk
