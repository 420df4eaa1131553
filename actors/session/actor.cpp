#include "actors/session/actor.hpp"

#include <caf/all.hpp>

#include "actors/checkout/port.hpp"
#include "actors/event/port.hpp"
#include "actors/seat_block/port.hpp"
#include "actors/session/core.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"

namespace tk {

namespace {

// Budgets nest: ingress 8 s > session 6 s > block 4 s > claim 3 s > ledger 1.5 s (architecture 10).
constexpr millis block_budget{4000};
constexpr millis claim_budget{3000};
constexpr millis ledger_budget{1500};
constexpr millis reads_budget{2000};
constexpr millis resolve_interval{1000};
/// After its deadline an op may still wait for a lock, a statement time-out and the disk.
constexpr millis resolve_patience{15'000};

/// A wish and who is to hear of it.
struct waiter {
  reserve_items wish;
  reply_ptr<hold_reply> reply;
};

struct session_state {
  static inline const char* name = "tk.session";
  node_context* node = nullptr;
  user_id user;
  participant address;
  session_core core;
  /// Who waits for the outcome of which attempt: the caller and its twins.
  std::map<reservation_id, std::vector<waiter>> waiting;
  int open_requests = 0; ///< To the ledger, blocks and reads: no passivation meanwhile.
  ~session_state() {
    if (node) node->probe.sessions_active--;
  }
};

using session_self = session_actor::extend<caf::reacts_to<atom::resolve, reservation_id>>;
using session_ptr = session_self::stateful_pointer<session_state>;

pending_hold to_pending(const reservation_row& row) {
  pending_hold out{row.id, row.event, row.expires_at, row.lead_block, 0, {}};
  out.items = static_cast<int32_t>(row.items.size());
  for (auto& x : row.items)
    if (x.is_seat()) out.seats.push_back(x.seat);
  return out;
}

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

hold_reply refusal(ec why) {
  hold_reply out;
  out.is = why;
  return out;
}

/// Reads the user's rows, then does `then`; when they are not to be had, `failed`.
template <class Then, class Failed> void read_rows(session_ptr self, Then then, Failed failed) {
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

/// Does `then` at once when the rows have been read before.
template <class Reply, class Then>
void with_rows(session_ptr self, const reply_ptr<Reply>& reply, Then then) {
  if (self->state.core.read()) return then();
  read_rows(self, std::move(then), [=] {
    Reply refused;
    refused.is = ec::unavailable;
    reply->deliver(std::move(refused));
  });
}

// -- replays ------------------------------------------------------------------------------------

/// A recorded reservation in the shape of a first answer, with its current status (C27).
void replay(session_ptr self, reservation_id id, const reply_ptr<hold_reply>& reply) {
  auto& st = self->state;
  ++st.open_requests; // One count for two handlers: only one of them runs.
  self->request(st.node->reads, reads_budget, load_reservation{id})
    .then(
      [=](const found_reservation& x) {
        --self->state.open_requests;
        if (!x.found || x.row.user != self->state.user)
          return reply->deliver(refusal(ec::reservation_unknown));
        auto out = to_reply(x.row);
        bool over = !x.row.pinned && x.row.expires_at <= self->state.node->clock->now();
        if (x.row.status == reservation_status::pending && over) // As everywhere else (P-44).
          out.status = static_cast<uint8_t>(reservation_status::expired);
        out.replayed = true;
        reply->deliver(std::move(out));
      },
      [=](caf::error&) {
        --self->state.open_requests;
        reply->deliver(refusal(ec::unavailable));
      });
}

// -- attempts -----------------------------------------------------------------------------------

void answer_all(session_ptr self, reservation_id attempt, const hold_reply& what) {
  auto i = self->state.waiting.find(attempt);
  if (i == self->state.waiting.end()) return;
  auto waiting = std::move(i->second);
  self->state.waiting.erase(i);
  for (auto& x : waiting) x.reply->deliver(what);
}

void resolve_later(session_ptr self, reservation_id attempt) {
  self->delayed_send(self, resolve_interval, atom::resolve_v, attempt);
}

void decide(session_ptr self, const reserve_items& wish, const reply_ptr<hold_reply>& reply,
            bool final_say);

/// A refusal names the caller's own reservation when that is what stands in the way.
void name_own_hold(const session_state& st, hold_reply& what) {
  if (what.is != ec::seat_held) return;
  if (auto own = st.core.holder_of(what.refused, st.node->clock->now())) what.id = own->id;
}

/// An attempt without rows did not simply succeed, so the rows are read. Unless they know better,
/// what it heard stands; the ledger's own no for token or limit never does.
void decide_again(session_ptr self, reservation_id attempt, const hold_reply& heard) {
  auto& st = self->state;
  st.core.drop(attempt);
  auto again = std::move(st.waiting[attempt]);
  st.waiting.erase(attempt);
  bool judged_rows = heard.is == ec::hold_limit || heard.is == ec::not_authenticated;
  for (auto& x : again) {
    auto by_rows = [=] {
      auto& now = self->state;
      auto limit = now.node->sale.holds_per_user_event_max;
      auto at = now.node->clock->now();
      bool new_to_rows =
        now.core.decide(x.wish, limit, at, true).is == reserve_decision::kind::forward;
      bool refused_own = heard.is != ec::ok && now.core.own_hold(x.wish, at);
      if (!new_to_rows || judged_rows || refused_own) return decide(self, x.wish, x.reply, true);
      auto stands = heard;
      name_own_hold(now, stands);
      x.reply->deliver(std::move(stands));
    };
    read_rows(self, by_rows, [=] { x.reply->deliver(refusal(ec::unavailable)); });
  }
}

bool may_have_happened(ec x) { return x == ec::unknown || x == ec::in_flight || x == ec::internal; }

/// What the lead block answered about an attempt.
void finish(session_ptr self, reservation_id attempt, event_id event, hold_reply what) {
  auto& st = self->state;
  name_own_hold(st, what);
  bool pending = what.status == static_cast<uint8_t>(reservation_status::pending);
  if (what.is == ec::ok && what.id == attempt && pending) {
    pending_hold made{what.id, event, what.expires_at, what.items.front().block_no, 0, {}};
    made.items = static_cast<int32_t>(what.items.size());
    for (auto& x : what.items) {
      made.lead_block = std::min(made.lead_block, x.block_no);
      if (x.is_seat()) made.seats.push_back(x.seat);
    }
    st.core.commit(attempt, std::move(made));
  } else if (may_have_happened(what.is)) {
    st.node->probe.outcomes_unknown++;
    resolve_later(self, attempt); // The attempt stays open: it may have happened.
  } else {
    st.core.drop(attempt); // Refused, or it told an earlier reservation: nothing was made.
  }
  answer_all(self, attempt, what);
}

/// Finds out what became of an attempt whose outcome nobody heard.
void resolve(session_ptr self, reservation_id attempt) {
  auto& st = self->state;
  auto open = st.core.find_attempt(attempt);
  if (!open) return;
  auto given_up = st.node->clock->now() > open->deadline + resolve_patience;
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_reservation{attempt})
    .then(
      [=](const found_reservation& x) {
        --self->state.open_requests;
        auto& core = self->state.core;
        if (x.found && x.row.status == reservation_status::pending) {
          core.commit(attempt, to_pending(x.row));
          answer_all(self, attempt, to_reply(x.row));
        } else if (x.found || given_up) {
          core.drop(attempt); // Should it commit after all, its key and id are on record.
          answer_all(self, attempt, x.found ? to_reply(x.row) : refusal(ec::unknown));
        } else {
          resolve_later(self, attempt);
        }
      },
      [=](caf::error&) {
        --self->state.open_requests;
        resolve_later(self, attempt);
      });
}

/// Answers to an attempt without rows that say what they would: it was made, nobody knows, or
/// nobody looked. To anything else the rows may have more to say, above all a recorded key (H-22c).
bool final_without_rows(const hold_reply& x) {
  switch (x.is) {
  case ec::ok: return !x.replayed;
  case ec::busy:
  case ec::late:
  case ec::fenced:
  case ec::unavailable: return true;
  default: return may_have_happened(x.is);
  }
}

void recheck(session_ptr self, const reserve_items& wish, const reply_ptr<hold_reply>& reply) {
  read_rows(
    self, [=] { decide(self, wish, reply, true); },
    [=] { reply->deliver(refusal(ec::unavailable)); });
}

void forward(session_ptr self, const reserve_items& wish, const reply_ptr<hold_reply>& reply) {
  auto& st = self->state;
  auto board = st.node->boards->find_event(wish.event);
  auto now = st.node->clock->now();
  bool unread = !st.core.read();
  // The ingress shows the event before it lets anybody in.
  if (!board || !session_core::sale_may_be_open(board->sale, now)) {
    if (unread) return recheck(self, wish, reply);
    return reply->deliver(refusal(board ? ec::sale_closed : ec::event_unknown));
  }
  hold_items cmd;
  cmd.id = make_id<reservation_id>(*st.node->random);
  cmd.user = st.user;
  cmd.operation = operation_of(wish);
  cmd.number =
    reservation_number(cmd.operation == order_operation ? "R" : "TK", now, *st.node->random);
  cmd.items = wish.items;
  cmd.key = wish.key;
  cmd.digest = wish.digest;
  cmd.session = st.address;
  cmd.event_owner = board->owner;
  cmd.deadline = now + claim_budget;
  cmd.request = wish.request;
  if (unread) cmd.token_issued_at = wish.token_issued_at;
  auto own = st.core.own_hold(wish, now);
  auto lead = own ? own->lead_block
                  : std::ranges::min_element(wish.items, {}, &wanted_item::block_no)->block_no;
  auto id = cmd.id;
  auto event = wish.event;
  st.core.begin({id, event, cmd.operation, wish.key, wish.digest,
                 static_cast<int32_t>(wish.items.size()), cmd.deadline, seats_of(wish)});
  st.waiting[id].push_back({wish, reply});
  ++st.open_requests;
  ask<seat_block_actor>(self, *st.node, key_of(event, lead), block_budget, std::move(cmd))
    .then(
      [=](const hold_reply& x) {
        --self->state.open_requests;
        if (unread && !final_without_rows(x)) return decide_again(self, id, x);
        finish(self, id, event, x);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        finish(self, id, event, refusal(to_ec(e)));
      });
}

void decide(session_ptr self, const reserve_items& wish, const reply_ptr<hold_reply>& reply,
            bool final_say) {
  auto& st = self->state;
  auto limit = st.node->sale.holds_per_user_event_max;
  auto what = st.core.decide(wish, limit, st.node->clock->now(), final_say);
  switch (what.is) {
  case reserve_decision::kind::forward:
  case reserve_decision::kind::unread: return forward(self, wish, reply);
  case reserve_decision::kind::join: return st.waiting[what.reservation].push_back({wish, reply});
  case reserve_decision::kind::replay: return replay(self, what.reservation, reply);
  case reserve_decision::kind::recheck: return recheck(self, wish, reply);
  case reserve_decision::kind::refuse: return reply->deliver(refusal(what.why));
  }
}

caf::result<hold_reply> on_reserve(session_ptr self, const reserve_items& wish) {
  if (wish.items.empty()) return refusal(ec::seat_unknown);
  auto reply = promise_reply<hold_reply>(self);
  decide(self, wish, reply, false);
  return reply->rp;
}

// -- cancelling ---------------------------------------------------------------------------------

ec why_not_cancel(reservation_status x) {
  switch (x) {
  case reservation_status::pending: return ec::ok;
  case reservation_status::confirmed: return ec::reservation_confirmed;
  case reservation_status::cancelled: return ec::already_cancelled;
  case reservation_status::expired: return ec::reservation_expired;
  }
  return ec::internal;
}

/// It is paid: its checkout ends it and gives the money back.
void cancel_paid_one(session_ptr self, const cancel_reservation& cmd,
                     const reply_ptr<release_reply>& reply) {
  auto& st = self->state;
  ++st.open_requests;
  ask<checkout_actor>(self, *st.node, key_of(cmd.id), block_budget,
                      cancel_payment{st.user, "user-request", cmd.request})
    .then(
      [=](const payment_reply& x) {
        --self->state.open_requests;
        bool second = x.repeated || x.is == ec::not_refundable; // Somebody was faster.
        reply->deliver({second ? ec::already_cancelled : x.is});
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        reply->deliver({to_ec(e)});
      });
}

/// The lead block does not lead it (any more): the row says how it ended.
void explain_no_hold(session_ptr self, const cancel_reservation& cmd,
                     const reply_ptr<release_reply>& reply) {
  auto& st = self->state;
  auto id = cmd.id;
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_reservation{id})
    .then(
      [=](const found_reservation& x) {
        --self->state.open_requests;
        if (!x.found || x.row.user != self->state.user)
          return reply->deliver({ec::reservation_unknown});
        auto why = why_not_cancel(x.row.status);
        if (why != ec::ok) self->state.core.forget(id);
        if (why == ec::reservation_confirmed) return cancel_paid_one(self, cmd, reply);
        reply->deliver({why == ec::ok ? ec::busy : why}); // Pending: the block is looking, too.
      },
      [=](caf::error&) {
        --self->state.open_requests;
        reply->deliver({ec::unavailable});
      });
}

void cancel_at(session_ptr self, const cancel_reservation& cmd, event_id event, int32_t lead_block,
               const reply_ptr<release_reply>& reply) {
  auto& st = self->state;
  ++st.open_requests;
  ask<seat_block_actor>(self, *st.node, key_of(event, lead_block), block_budget,
                        release_hold{cmd.id, st.user, cmd.request})
    .then(
      [=](const release_reply& x) {
        --self->state.open_requests;
        if (x.is == ec::reservation_unknown) return explain_no_hold(self, cmd, reply);
        if (x.is == ec::ok) self->state.core.forget(cmd.id);
        reply->deliver(x);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        reply->deliver({to_ec(e)});
      });
}

void cancel(session_ptr self, const cancel_reservation& cmd,
            const reply_ptr<release_reply>& reply) {
  auto& st = self->state;
  if (!st.core.accepts(cmd.token_issued_at)) return reply->deliver({ec::not_authenticated});
  if (auto known = st.core.find_pending(cmd.id))
    return cancel_at(self, cmd, known->event, known->lead_block, reply);
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_reservation{cmd.id})
    .then(
      [=](const found_reservation& x) {
        --self->state.open_requests;
        if (!x.found || x.row.user != self->state.user)
          return reply->deliver({ec::reservation_unknown});
        auto why = why_not_cancel(x.row.status);
        if (why == ec::reservation_confirmed) return cancel_paid_one(self, cmd, reply);
        if (why != ec::ok) return reply->deliver({why});
        cancel_at(self, cmd, x.row.event, x.row.lead_block, reply);
      },
      [=](caf::error&) {
        --self->state.open_requests;
        reply->deliver({ec::unavailable});
      });
}

caf::result<release_reply> on_cancel(session_ptr self, const cancel_reservation& cmd) {
  auto reply = promise_reply<release_reply>(self);
  with_rows(self, reply, [=] { cancel(self, cmd, reply); });
  return reply->rp;
}

// -- tokens -------------------------------------------------------------------------------------

/// `on_verdict(outcome, const verdict&)` runs once; whatever went wrong on the way is unknown.
template <class F> void submit_op(session_ptr self, op what, F on_verdict) {
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

caf::result<family_started> on_start_family(session_ptr self, const start_family_v2& cmd) {
  auto& st = self->state;
  auto reply = promise_reply<family_started>(self);
  open_family what{st.user,    cmd.family,      cmd.token_hash, cmd.ttl_s,      st.address,
                   cmd.life_s, cmd.credentials, cmd.ends,       cmd.user_agent, cmd.address};
  submit_op(self, std::move(what), [=](outcome is, const verdict&) {
    // The account was closed, or its password changed, since it was verified.
    bool stale = is == outcome::not_pending || is == outcome::moved;
    reply->deliver({stale ? ec::bad_credentials : to_ec(is)});
  });
  return reply->rp;
}

/// As the neighbouring release asks.
caf::result<family_started> on_start_family(session_ptr self, const start_family& cmd) {
  start_family_v2 same;
  same.family = cmd.family;
  same.token_hash = cmd.token_hash;
  same.ttl_s = cmd.ttl_s;
  return on_start_family(self, same);
}

caf::result<family_rotated> on_rotate(session_ptr self, const rotate_family& cmd) {
  auto& st = self->state;
  auto reply = promise_reply<family_rotated>(self);
  rotate_token what{st.user, cmd.family, cmd.token_hash, cmd.next_hash, cmd.ttl_s, st.address};
  submit_op(self, std::move(what), [=](outcome is, const verdict& v) {
    self->state.core.revoke(v.at); // A reuse has moved it.
    reply->deliver({is == outcome::not_pending ? ec::refresh_invalid : to_ec(is), v.at});
  });
  return reply->rp;
}

void end_sessions_of(session_ptr self, const end_sessions& cmd,
                     const reply_ptr<sessions_ended>& reply) {
  auto& st = self->state;
  if (!st.core.accepts(cmd.token_issued_at)) return reply->deliver({ec::not_authenticated, {}});
  revoke_tokens what{st.user,      st.address,   cmd.keep, cmd.only,
                     cmd.old_hash, cmd.new_hash, cmd.close};
  submit_op(self, std::move(what), [=](outcome is, const verdict& v) {
    self->state.core.revoke(v.at);
    auto why = is == outcome::moved         ? ec::password_wrong
               : is == outcome::not_pending ? ec::route_unknown
                                            : to_ec(is);
    reply->deliver({why, v.at});
  });
}

caf::result<sessions_ended> on_end_sessions(session_ptr self, const end_sessions& cmd) {
  auto reply = promise_reply<sessions_ended>(self);
  with_rows(self, reply, [=] { end_sessions_of(self, cmd, reply); });
  return reply->rp;
}

caf::result<all_revoked> on_revoke(session_ptr self, const revoke_all& cmd) {
  auto reply = promise_reply<all_revoked>(self);
  with_rows(self, reply, [=] {
    auto& st = self->state;
    if (!st.core.accepts(cmd.token_issued_at)) return reply->deliver({ec::not_authenticated});
    submit_op(self, revoke_tokens{st.user, st.address}, [=](outcome is, const verdict& v) {
      if (is == outcome::ok) self->state.core.revoke(v.at);
      reply->deliver({to_ec(is)});
    });
  });
  return reply->rp;
}

passivation on_passivate(session_ptr self) {
  auto& st = self->state;
  bool idle = st.open_requests == 0 && st.waiting.empty() && st.core.idle();
  if (idle) self->quit();
  return {idle};
}

session_self::behavior_type session(session_ptr self, node_context* node, user_id user,
                                    participant address) {
  auto& st = self->state;
  st.node = node;
  st.user = user;
  st.address = address;
  node->probe.sessions_active++;
  return {
    [=](const reserve_items& x) { return on_reserve(self, x); },
    [=](const cancel_reservation& x) { return on_cancel(self, x); },
    [=](const start_family& x) { return on_start_family(self, x); },
    [=](const start_family_v2& x) { return on_start_family(self, x); },
    [=](const rotate_family& x) { return on_rotate(self, x); },
    [=](const end_sessions& x) { return on_end_sessions(self, x); },
    [=](const revoke_all& x) { return on_revoke(self, x); },
    [=](passivate) { return on_passivate(self); },
    [=](atom::resolve, reservation_id attempt) { resolve(self, attempt); },
  };
}

} // namespace

session_actor spawn_session(node_context& node, user_id user, participant self) {
  return node.system->spawn(session, &node, user, self);
}

} // namespace tk
