#include "tests/simulation/oracle.hpp"

#include <algorithm>
#include <variant>

#include "tests/simulation/asked.hpp"
#include "tests/simulation/money_judge.hpp"

namespace tk::sim {

namespace {

/// For so long a claim outlives its request when nothing goes wrong: messages, and a look at rows.
constexpr millis claims_end{300};

bool live(reservation_status x) {
  return x == reservation_status::pending || x == reservation_status::confirmed;
}

/// What an order may become, whatever the code that does it thinks (I1).
bool may_become(reservation_status from, reservation_status to) {
  if (from == to) return true;
  if (from == reservation_status::pending) return true;
  return from == reservation_status::confirmed && to == reservation_status::cancelled;
}

/// On whose behalf an op is: the entity that submits it. An epoch of 0 = nobody's.
struct author {
  participant operator()(const create_reservation& x) const { return x.items.front().block; }
  participant operator()(const release_reservation& x) const { return x.items.front().block; }
  participant operator()(const complete_payment& x) const { return x.items.front().block; }
  participant operator()(const cancel_paid& x) const { return x.items.front().block; }
  participant operator()(const reread_items& x) const { return x.block; }
  participant operator()(const begin_attempt& x) const { return x.block; }
  participant operator()(const fail_attempt& x) const { return x.block; }
  participant operator()(const open_family& x) const { return x.session; }
  participant operator()(const rotate_token& x) const { return x.session; }
  participant operator()(const revoke_tokens& x) const { return x.session; }
  participant operator()(const open_payment& x) const { return x.checkout; }
  participant operator()(const note_asked& x) const { return x.checkout; }
  participant operator()(const claim_refund& x) const { return x.checkout; }
  participant operator()(const settle_refund& x) const { return x.checkout; }
  participant operator()(const room_turn& x) const { return x.room; }
  participant operator()(const gate_turn& x) const { return x.gate; }
  participant operator()(const admit_ticket&) const { return {}; }
  participant operator()(const claim_key&) const { return {}; }
};

/// All in whose name something is changed. Who reads changes nothing.
std::vector<participant> everybody_in(const op& what) {
  std::vector<participant> out;
  if (std::holds_alternative<reread_items>(what)) return out;
  auto collect = [&out](const auto& x) {
    if constexpr (requires { x.session; }) out.push_back(x.session);
    if constexpr (requires { x.event_owner; }) out.push_back(x.event_owner);
    if constexpr (requires { x.checkout; }) out.push_back(x.checkout);
    if constexpr (requires { x.block; }) out.push_back(x.block);
    if constexpr (requires { x.room; }) out.push_back(x.room);
    if constexpr (requires { x.gate; }) out.push_back(x.gate);
    if constexpr (requires { x.items.front().block; })
      for (auto& item : x.items) out.push_back(item.block);
  };
  std::visit(collect, what);
  return out;
}

const char* word_for(reservation_status x) {
  switch (x) {
  case reservation_status::pending: return "pending";
  case reservation_status::confirmed: return "confirmed";
  case reservation_status::cancelled: return "cancelled";
  case reservation_status::expired: return "expired";
  }
  return "?";
}

std::string name_of(seat_id x) {
  return "seat " + std::to_string(x.lo % 10'000) + " of block " + std::to_string(x.lo / 10'000);
}

} // namespace

void oracle::fail(const std::string& invariant, const std::string& what) {
  if (wrong_.empty()) wrong_ = invariant + ": " + what;
}

void oracle::explain(const std::string& missing) {
  if (!loss_ && !missing.empty()) fail("I5", missing);
}

// -- commits --------------------------------------------------------------------------------------

void oracle::committed(int32_t node, const batch& what, const batch_result& said) {
  ++commits_;
  why_.committed();
  check_epochs();
  check_fences(what, said);
  if (node != 0) check_writers(node, what, said);
  check_seats();
  check_quotas();
  check_limits();
  check_reservations();
  check_books();
  check_timers();
}

/// I22: whatever waits for a provider has a time on record at which it is asked again.
void oracle::check_timers() {
  for (auto& [id, x] : model_.rows.attempts)
    if (x.status == "live" && x.next_ask_at == instant{})
      fail("I22", "an attempt waits, and nobody will ask about it");
  for (auto& [id, x] : model_.rows.refunds)
    if (!x.done && x.next_try_at == instant{})
      fail("I22", "a refund waits, and nobody will ask for it");
}

// -- fail-over with loss --------------------------------------------------------------------------

void oracle::wrote_after_loss() {
  fail("I26", "a lane wrote on a timeline that does not have what it had told");
}

void oracle::stopped_without_loss() {
  fail("I26", "a lane stopped, and everything that it had told is there");
}

/// From here on nobody can be held to what was told before: rows are judged by themselves.
void oracle::lost() {
  loss_ = true;
  statuses_.clear();
  by_key_.clear();
  books_seen_ = 0;
  sums_.clear();
}

void oracle::check_epochs() {
  for (size_t s = 0; s < epochs_.size(); ++s) {
    if (model_.rows.epochs[s] < epochs_[s]) fail("I7", "an epoch went back");
    epochs_[s] = model_.rows.epochs[s];
  }
}

/// I7: nothing with an old epoch has an effect. I9: nothing is made past its deadline, and nothing
/// is paid for that ran out before.
void oracle::check_fences(const batch& what, const batch_result& said) {
  auto old = [this](const participant& x) {
    return x.shard >= shard_count || x.epoch != model_.rows.epochs[x.shard] || x.epoch == 0;
  };
  for (size_t i = 0; i < what.ops.size(); ++i) {
    if (said.verdicts[i].is != outcome::ok) continue;
    auto& one = *what.ops[i];
    if (std::ranges::any_of(everybody_in(one), old))
      fail("I7", in_words(one) + " in the name of an old epoch");
    if (auto end = std::get_if<fail_attempt>(&one)) check_end(*end);
    if (auto pin = std::get_if<begin_attempt>(&one)) check_pin(*pin);
    if (auto made = std::get_if<create_reservation>(&one)) check_creation(*made);
  }
}

void oracle::check_pin(const begin_attempt& x) {
  auto row = model_.rows.reservations.find(x.reservation);
  if (row != model_.rows.reservations.end() && row->second.row.expires_at <= model_.now())
    fail("I9", "a hold was pinned that had run out");
}

/// I8: two nodes may believe to own a shard, but in one epoch only one of them writes for it.
void oracle::check_writers(int32_t node, const batch& what, const batch_result& said) {
  for (size_t i = 0; i < what.ops.size(); ++i) {
    if (said.verdicts[i].is != outcome::ok) continue;
    auto who = std::visit(author{}, *what.ops[i]);
    if (who.epoch == 0) continue;
    auto [known, fresh] = writers_.emplace(std::pair{who.shard, who.epoch}, node);
    if (known->second != node)
      fail("I8", "nodes " + std::to_string(known->second) + " and " + std::to_string(node) +
                   " have written for shard " + std::to_string(who.shard) + " in one epoch");
  }
}

void oracle::check_creation(const create_reservation& x) {
  if (time_.now() > x.deadline) fail("I9", "a reservation was made after its deadline");
  auto event = model_.rows.events.find(x.event);
  if (event != model_.rows.events.end() &&
      (model_.now() < event->second.sale_start || model_.now() > event->second.sale_end))
    fail("I9", "a reservation was made outside the window of its sale");
  if (event != model_.rows.events.end() && event->second.cancelled)
    fail("I9", "a reservation was made of an event that is cancelled");
  made_at_[x.id] = time_.now();
  // A frame that comes twice is a second wish to whoever gets it, unless it has a key.
  if (--wishes_[{x.user, x.digest}] < 0 && faults_.duplicate_ppm == 0 &&
      faults_.old_frames_ppm == 0 && !loss_)
    fail("I4", "more reservations were made than asked for");
  if (x.key.empty()) return;
  auto [known, fresh] = by_key_.emplace(std::tuple{x.user, x.operation, x.key}, x.id);
  if (!fresh && known->second != x.id) fail("I6", "key " + x.key + " made two reservations");
}

/// I11: an attempt ends as failed when it is certain that its money was not taken, and will not be.
void oracle::check_end(const fail_attempt& x) {
  if (loss_) return; // The provider has books of its own.
  auto taken = provider_.books().captures;
  if (std::ranges::find(taken, to_string(x.attempt), &mock_capture::idempotency_key) != taken.end())
    fail("I11", "an attempt ended as failed, and its money was taken");
  auto row = model_.rows.attempts.find(x.attempt);
  auto order = model_.rows.payments.find(x.payment);
  if (!may_still_take || row == model_.rows.attempts.end() || order == model_.rows.payments.end())
    return;
  if (may_still_take(order->second.order_id, to_string(x.attempt)))
    fail("I11", "an attempt ended as failed while the provider could still take its money");
}

/// I2: a seat's row and the reservations say the same, at every commit.
void oracle::check_seats() {
  std::map<seat_id, reservation_id> taken;
  for (auto& [id, x] : model_.rows.reservations) {
    if (!live(x.row.status)) continue;
    for (auto& item : x.row.items) {
      if (!item.is_seat()) continue;
      if (!taken.emplace(item.seat, id).second)
        fail("I2", name_of(item.seat) + " is in two live reservations");
    }
  }
  for (auto& [seat, row] : model_.rows.seats) {
    auto& past = seats_[seat];
    if (past.empty() || past.back().status != row.status) past.push_back({time_.now(), row.status});
    auto holder = taken.find(seat);
    if (row.status == 'a') {
      if (holder != taken.end()) fail("I2", name_of(seat) + " is free and in a live reservation");
      continue;
    }
    if (holder == taken.end() || holder->second != row.reservation) {
      fail("I2", name_of(seat) + " names a reservation that does not name it");
      continue;
    }
    auto sold =
      model_.rows.reservations.at(holder->second).row.status == reservation_status::confirmed;
    if (sold != (row.status == 'r')) fail("I2", name_of(seat) + " is sold, its order is not");
  }
}

/// I3: what is left and what is in hands is all there is.
void oracle::check_quotas() {
  std::map<ticket_type_id, int64_t> out;
  for (auto& [id, x] : model_.rows.reservations)
    if (live(x.row.status))
      for (auto& item : x.row.items)
        if (!item.is_seat()) out[item.type] += item.quantity;
  for (auto& [type, row] : model_.rows.types) {
    if (row.available < 0) fail("I3", "a quota is below zero");
    if (row.available + out[type] != row.total) fail("I3", "tickets of a type are lost or made up");
  }
}

/// I10: nobody holds more than allowed. A frame that comes twice may hold what was refused, and
/// the session does not know.
void oracle::check_limits() {
  if (faults_.duplicate_ppm > 0 || faults_.old_frames_ppm > 0 || loss_) return;
  std::map<user_id, int64_t> held;
  for (auto& [id, x] : model_.rows.reservations)
    if (x.row.status == reservation_status::pending && x.row.expires_at > model_.now())
      held[x.row.user] += holds_in(x.row.items);
  for (auto& [user, n] : held)
    if (n > holds_max_) fail("I10", "somebody holds " + std::to_string(n) + " seats");
}

/// I1, I9: an order only becomes what it may; a hold does not end before its time.
void oracle::check_reservations() {
  for (auto& [id, x] : model_.rows.reservations) {
    auto [known, fresh] = statuses_.emplace(id, x.row.status);
    if (fresh) {
      if (!askers_.contains(x.row.user)) fail("I4", "a reservation nobody asked for");
      continue;
    }
    auto before = std::exchange(known->second, x.row.status);
    if (!may_become(before, x.row.status)) fail("I1", "an order that had ended changed");
    if (before == x.row.status) continue;
    if (x.row.status != reservation_status::expired) continue;
    if (x.row.expires_at > model_.now()) fail("I9", "a hold ended before its time");
    if (x.row.pinned) fail("I9", "a hold ended while it was being paid for");
  }
}

/// I11: the books' entries sum to zero in every transaction, so they do in all.
void oracle::check_books() {
  auto& books = model_.rows.books;
  for (; books_seen_ < books.size(); ++books_seen_)
    sums_[books[books_seen_].account] += books[books_seen_].amount.amount;
  int64_t all = 0;
  for (auto& [account, sum] : sums_) all += sum;
  if (all != 0) fail("I11", "the books do not sum to zero");
}

// -- answers --------------------------------------------------------------------------------------

void oracle::asked(user_id x, const std::string& digest, const std::vector<wanted_item>& items) {
  askers_.insert(x);
  ++wishes_[{x, digest}];
  for (auto& item : items) ++interests_[item.seat].open;
  why_.asked(x, digest, items);
}

void oracle::heard_sign_out(user_id x, instant asked, ec is) {
  ++answers_["sign-out " + std::string{to_string(is)}];
  explain(why_.heard_sign_out(x, is));
  if (is != ec::ok) return;
  auto& known = signed_out_[x];
  if (known.asked < asked) known = {asked, time_.now()};
}

/// I18: what was ended is not accepted any more.
void oracle::check_token(const told_hold& x) {
  auto end = signed_out_.find(x.user);
  if (end != signed_out_.end() && x.token <= end->second.asked && end->second.heard <= x.asked)
    fail("I18", "a session was accepted after its end was confirmed");
}

/// I5: when nothing goes wrong, nobody is turned away by nobody.
/// What says that a part is away, slow, or not found.
bool says_that_something_broke(ec x) {
  return x == ec::unavailable || x == ec::unknown || x == ec::late || x == ec::fenced ||
         x == ec::internal || x == ec::event_unknown || x == ec::seat_unknown;
}

/// Where nothing goes wrong, nobody hears that something did.
void oracle::check_refusal(const told_hold& x) {
  if (x.is == ec::seat_contested) check_contested(x);
  if (says_that_something_broke(x.is))
    fail("I5", "a wish was refused without any reason: " + std::string{to_string(x.is)});
}

void oracle::check_contested(const told_hold& x) {
  auto wanted = [&](const wanted_item& item) {
    auto& others = interests_[item.seat];
    auto& past = seats_[item.seat];
    auto since = x.asked - claims_end;
    return others.open > 0 || others.ended >= since ||
           (!past.empty() && (past.back().at >= since || past.back().status == 'l'));
  };
  if (std::ranges::none_of(x.items, wanted))
    fail("I5", "somebody was told that a seat is contested, and nobody else wanted it");
}

void oracle::heard(const told_hold& x) {
  ++answers_["hold " + std::string{to_string(x.is)}];
  for (auto& item : x.items) --interests_[item.seat].open;
  if (x.is == ec::ok && !loss_) check_token(x);
  if (faults_.none()) check_refusal(x);
  for (auto& item : x.items) interests_[item.seat].ended = time_.now();
  explain(why_.heard(x, refusals_may_be_old));
  if (loss_) return;
  told_.heard(x);
  if (x.is == ec::ok) {
    auto row = model_.rows.reservations.find(x.id);
    if (row == model_.rows.reservations.end())
      return fail("I4", "an acknowledged reservation is not on record");
    auto& made = row->second.row;
    if (made.user != x.user) return fail("I4", "somebody was told of another one's reservation");
    auto same = (x.replayed || made.items.size() == x.items.size()) &&
                std::ranges::all_of(x.items, [&](auto& a) {
                  return std::ranges::any_of(made.items, [&](auto& b) {
                    return a.seat == b.seat && a.type == b.type && a.quantity == b.quantity;
                  });
                });
    if (!same) return fail("I4", "an acknowledged reservation is not what was asked for");
    if (!x.key.empty() && made.key == x.key && made.digest != x.digest)
      fail("I6", "a key was answered although the body was another");
    bool by_key = x.replayed || (!x.key.empty() && made.key == x.key);
    if (!x.pending && !by_key && made_at_[x.id] < x.asked)
      fail("I5", "somebody was told of an order that ended, and had asked for a new one");
  }
  if (x.is == ec::seat_sold) check_sold(x);
}

/// I5: a seat that is said to be sold was sold at some time while the question was open, or its
/// return was told to its block by a message that was lost: it reads its rows a minute later.
void oracle::check_sold(const told_hold& x) {
  for (auto& item : x.items) {
    bool was = false;
    auto& past = seats_[item.seat];
    for (size_t i = 0; i < past.size(); ++i) {
      auto until = i + 1 < past.size() ? past[i + 1].at : instant::max();
      was = was || (past[i].status == 'r' && past[i].at <= x.answered &&
                    until >= x.asked - refusals_may_be_old);
    }
    if (was) return;
  }
  fail("I5", "somebody was told that a seat is sold, and it was not");
}

void oracle::heard_payment(const told_payment& x) {
  ++answers_["payment " + std::string{to_string(x.is)}];
  told_.heard_payment(x);
  if (faults_.none() && says_that_something_broke(x.is))
    fail("I5", "a payment was refused without any reason: " + std::string{to_string(x.is)});
  if (x.is != ec::ok || loss_) return;
  auto row = model_.rows.reservations.find(x.reservation);
  if (row == model_.rows.reservations.end()) return fail("I4", "paid for what is not on record");
  // Confirmed when it was said; a cancellation may have followed.
  auto status = row->second.row.status;
  if (status != reservation_status::confirmed && status != reservation_status::cancelled)
    fail("I4", "an acknowledged payment is not on record");
  if (!x.key.key.empty()) check_key(x);
}

/// I11: nobody pays another amount than the price.
void oracle::heard_wish_to_pay(const told_wish_to_pay& x) {
  if (x.provider_key.empty()) ++answers_["prepare " + std::string{to_string(x.is)}];
  auto wrong = why_.heard_of_payment(x);
  if (x.is != ec::ok) explain(wrong);
  else if (!loss_ && !wrong.empty()) fail("I11", wrong);
}

/// I6: who was told that it is paid has the key on record for just that, and hears it every time.
void oracle::check_key(const told_payment& x) {
  auto row = model_.rows.request_keys.find({x.user, x.key.operation, x.key.key});
  if (row == model_.rows.request_keys.end())
    return fail("I6", "a payment was told that its key is not on record for");
  if (row->second.digest != x.key.digest)
    return fail("I6", "a payment was told although its key is of another one");
  auto [known, fresh] = paid_by_key_.emplace(std::pair{x.user, x.key.key}, x.order);
  if (!fresh && known->second != x.order) fail("I6", "one key was told of two payments");
}

void oracle::heard_cancel(const told_change& x) {
  ++answers_["cancel " + std::string{to_string(x.is)}];
  told_.heard_cancel(x);
  explain(why_.heard_cancel(x));
  if (x.is != ec::ok || loss_) return;
  auto row = model_.rows.reservations.find(x.reservation);
  if (row == model_.rows.reservations.end() ||
      row->second.row.status != reservation_status::cancelled)
    fail("I4", "an acknowledged cancellation is not on record");
}

void oracle::heard_refund(const told_change& x) {
  ++answers_["refund " + std::string{to_string(x.is)}];
  told_.heard_refund(x);
  explain(why_.heard_refund(x, refusals_may_be_old));
  if (x.is != ec::ok || loss_) return;
  auto row = model_.rows.reservations.find(x.reservation);
  if (row == model_.rows.reservations.end() ||
      row->second.row.status != reservation_status::cancelled)
    fail("I4", "an acknowledged refund is not on record");
}

void oracle::saw(const told_map& x) {
  if (loss_) return;
  if (auto wrong = told_.saw(x); !wrong.empty() && wrong_.empty()) wrong_ = wrong;
}

// -- at rest --------------------------------------------------------------------------------------

/// L3: what is held runs out by itself. I11: money and tickets agree.
void oracle::check_rest() {
  for (auto& [id, x] : model_.rows.reservations) {
    if (x.row.status != reservation_status::pending) continue;
    fail("L3", x.row.pinned ? "a pin without end" : "a hold outlived its end");
  }
  if (cancelled_at_)
    for (auto& [id, x] : model_.rows.reservations)
      if (x.row.status == reservation_status::confirmed)
        fail("I11", "an event was cancelled, and somebody has tickets of it that they paid for");
  check_money_at_rest();
  check_stories();
}

/// I15: the story of every order, told step by step, ends where its row is.
void oracle::check_stories() {
  std::map<reservation_id, std::pair<std::string, std::string>> ends;
  for (auto& x : model_.rows.history) {
    auto [known, fresh] = ends.emplace(x.reservation, std::pair{x.to, x.payment_to});
    auto from = fresh ? std::pair<std::string, std::string>{} : known->second;
    if (x.from != from.first || x.payment_from != from.second)
      return fail("I15", "a step of an order's story does not begin where the last one ended");
    known->second = {x.to, x.payment_to};
  }
  for (auto& [id, x] : model_.rows.reservations)
    if (ends[id] != std::pair<std::string, std::string>{word_for(x.row.status), x.payment_status})
      return fail("I15", "the story of an order ends otherwise than its row");
}

void oracle::check_history() {
  if (loss_) return;
  if (auto wrong = told_.check(refusals_may_be_old); !wrong.empty()) fail("I5", wrong);
}

bool oracle::at_rest() {
  auto before = wrong_;
  check_rest();
  auto rests = wrong_.empty();
  wrong_ = std::move(before);
  return rests;
}

void oracle::check_money_at_rest() {
  auto& rows = model_.rows;
  for (auto& [no, x] : rows.attempts)
    if (x.status == "live") fail("I11", "an attempt to pay without end");
  check_tickets();
  if (loss_) return; // What was given back and forgotten is given back by an operator.
  for (auto& [no, x] : rows.refunds)
    if (!x.done) fail("I11", "a refund that was not carried out");
  check_terms();
  if (auto wrong = compare_money(model_, provider_.books()); !wrong.empty()) fail("I11", wrong);
}

/// What was sold was taken back in time, and no more and no less was kept than the event says.
void oracle::check_terms() {
  auto& rows = model_.rows;
  for (auto& x : rows.history) {
    if (x.from != "confirmed" || x.to != "cancelled") continue;
    auto& order = rows.reservations.at(x.reservation);
    auto& event = rows.events.at(order.row.event);
    auto terms = terms_at(event.cancellation, event.event_date, order.row.total, x.at);
    if (cancelled_at_ && x.at >= *cancelled_at_) terms = {}; // Whole, whatever the event said.
    if (!terms.allowed) fail("I11", "what was paid was cancelled after its time");
    for (auto& [no, refund] : rows.refunds)
      if (refund.attempt == order.pin && refund.fee != terms.fee)
        fail("I11", "a cancellation kept another fee than its event says");
  }
}

void oracle::check_tickets() {
  auto& rows = model_.rows;
  std::map<reservation_id, int64_t> valid;
  for (auto& [no, x] : rows.tickets)
    if (x.status == "valid") ++valid[x.reservation];
  for (auto& [id, x] : rows.reservations) {
    int64_t units = 0;
    for (auto& item : x.row.items) units += item.quantity;
    auto wanted = x.row.status == reservation_status::confirmed ? units : 0;
    if (valid[id] != wanted) fail("I1", "valid tickets are not what was sold");
  }
}

} // namespace tk::sim
