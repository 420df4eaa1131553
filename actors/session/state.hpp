#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include <caf/all.hpp>

#include "actors/session/core.hpp"
#include "actors/session/port.hpp"
#include "supervisors/mailbox.hpp"
#include "supervisors/node_context.hpp"
#include "supervisors/reply_once.hpp"

/// Private to the session's shell: its state, shared by the files that implement its clauses.
namespace tk::session {

/// A wish and who is to hear of it.
struct waiter {
  reserve_items wish;
  reply_ptr<hold_reply> reply;
  bool joined = false;          ///< It was wished for before: a hold that comes of it is a replay.
  bool joined_by_seats = false; ///< Not by its key: only a live hold is what it wants.
};

/// Somebody who cancels. A key names the refund, should there be one to make; whether it was used,
/// the reservation's row tells.
struct canceller {
  cancel_reservation what;
  reply_ptr<release_reply> reply;
  request_key key;
};

/// Somebody who asks a waiting room, and until when that is of use.
struct joiner {
  join_queue what;
  reply_ptr<queue_reply> reply;
  instant until;
};

struct state {
  static inline const char* name = "tk.session";
  node_context* node = nullptr;
  user_id user;
  participant address;
  session_core core;
  /// Who waits for the outcome of which attempt: the caller and its twins.
  std::map<reservation_id, std::vector<waiter>> waiting;
  /// Which reservations are being cancelled, and who came second: one after the other, so that a
  /// key is put on record only by who finds something to cancel.
  std::map<reservation_id, std::vector<canceller>> cancelling;
  /// Who asks a waiting room now, and who comes behind: one after the other, so that of two who
  /// join at once one is told of the other.
  std::vector<joiner> joining;
  /// Events of joins whose answer got lost, and until when they may still happen.
  std::map<event_id, instant> unsure_joins;
  /// So long may wishes of an earlier life still be granted: rows without them prove nothing.
  instant orphans_until;
  int open_requests = 0; ///< To the ledger, blocks and reads: no passivation meanwhile.
  ~state() {
    if (node) node->probe.sessions_active--;
  }
};

using self_actor =
  session_actor::extend<caf::reacts_to<atom::resolve, reservation_id>,
                        caf::reacts_to<atom::resolve>,
                        caf::replies_to<count_mailbox>::with<mailbox_counted>,
                        caf::replies_to<reserve_items, trace_context>::with<hold_reply>>;
using pointer = self_actor::stateful_pointer<state>;

// Budgets nest: ingress 8 s > session 6 s > block 4 s > claim 3 s > ledger 1.5 s (architecture 10).
inline constexpr millis block_budget{4000};
inline constexpr millis claim_budget{3000};
inline constexpr millis ledger_budget{1500};
inline constexpr millis reads_budget{2000};
/// After its deadline an op may still wait for a lock, a statement time-out and the disk.
inline constexpr millis resolve_patience{15'000};

pending_hold to_pending(const reservation_row& row);

/// An answer that says only why not.
template <class Reply> Reply refusal(ec why) {
  Reply out;
  out.is = why;
  return out;
}

/// Reads the user's rows, then does `then`; when they are not to be had, `failed`.
void read_rows(pointer self, std::function<void()> then, std::function<void()> failed);

/// Does `then` at once when the rows have been read before.
template <class Reply, class Then>
void with_rows(pointer self, const reply_ptr<Reply>& reply, Then then) {
  if (self->state.core.read()) return then();
  read_rows(self, std::move(then), [=] { reply->deliver(refusal<Reply>(ec::unavailable)); });
}

/// Reads one of the user's reservations, then does `then(row)`, or `refuse(why)`; a reservation of
/// somebody else is unknown here.
template <class Refuse, class Then>
void with_own_row(pointer self, reservation_id id, Refuse refuse, Then then) {
  auto& st = self->state;
  ++st.open_requests; // One count for two handlers: only one of them runs.
  self->request(st.node->reads, reads_budget, load_reservation{id})
    .then(
      [=](const found_reservation& x) {
        --self->state.open_requests;
        if (!x.found || x.row.user != self->state.user) return refuse(ec::reservation_unknown);
        then(x.row);
      },
      [=](caf::error&) {
        --self->state.open_requests;
        refuse(ec::unavailable);
      });
}

/// Submits an op to the ledger. `on_verdict(outcome, const verdict&)` runs once; whatever went
/// wrong on the way is unknown.
template <class F> void submit_op(pointer self, op what, F on_verdict) {
  auto& st = self->state;
  auto deadline = st.node->clock->now() + ledger_budget;
  ++st.open_requests;
  self
    ->request(st.node->ledger, claim_budget,
              submit{std::make_shared<const op>(std::move(what)), deadline})
    .then(
      [=](const verdict& v) {
        --self->state.open_requests;
        on_verdict(v.is, v);
      },
      [=](caf::error&) {
        --self->state.open_requests;
        on_verdict(outcome::unknown, verdict{});
      });
}

// -- reserving.cpp ------------------------------------------------------------------------------
caf::result<hold_reply> on_reserve(pointer self, const reserve_items& wish,
                                   const trace_context& trace = {});
/// Finds out what became of an attempt whose outcome nobody heard.
void on_resolve(pointer self, reservation_id attempt);

// -- cancelling.cpp -----------------------------------------------------------------------------
caf::result<release_reply> on_cancel(pointer self, const cancel_reservation& cmd,
                                     const request_key& key = {});

// -- queueing.cpp -------------------------------------------------------------------------------
caf::result<queue_reply> on_join_queue(pointer self, const join_queue& cmd);

// -- tokens.cpp ---------------------------------------------------------------------------------
caf::result<family_started_v2> on_start_family(pointer self, const start_family_v2& cmd);
/// As the neighbouring release asks.
caf::result<family_started> on_start_family(pointer self, const start_family& cmd);
caf::result<family_rotated> on_rotate(pointer self, const rotate_family& cmd);
caf::result<sessions_ended> on_end_sessions(pointer self, const end_sessions& cmd);
caf::result<all_revoked> on_revoke(pointer self, const revoke_all& cmd);
/// What nobody heard the outcome of, an end of tokens or wishes of an earlier life, has happened by
/// now, or never will.
void on_settled(pointer self);

} // namespace tk::session
