#include "persistence/calls/actor.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <utility>

#include <caf/stateful_actor.hpp>

namespace tk {

/// Told by the actor to itself: write what waits.
struct write_payment_calls {};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::write_payment_calls)

namespace tk {

namespace {

using self_actor = payment_calls_actor::extend<caf::reacts_to<write_payment_calls>>;

struct call_id_tag;

/// A uuid of version 7: ids rise with time, so old rows are together.
id<call_id_tag> id_of(const payment_call_portion& x, size_t i) {
  auto no = x.first + i;
  auto ms = static_cast<uint64_t>(std::max<int64_t>(0, to_ms(x.rows[i].at)));
  constexpr uint64_t version = 0x7000, variant = uint64_t{1} << 63;
  return {(ms << 16) | version | (no & 0xfff), variant | ((x.writer + no) >> 2)};
}

struct calls_state {
  static inline const char* name = "tiketi.payment-calls";
  pg_pool<self_actor::base> pool;
  payment_calls_config config;
  payment_calls_probe* probe = nullptr;
  std::deque<payment_call> waiting;
  payment_call_portion under_way; ///< Kept until it is known to be written.
  uint64_t numbered = 0;          ///< Rows that have got a number.
  bool writing = false, armed = false, ending = false;
  caf::actor_clock::time_point forget_at;
};
using calls_ptr = self_actor::stateful_pointer<calls_state>;

struct calls_job final : pg_job {
  pg_result<void> run(pg::connection& db) override {
    auto done = store_payment_calls(db, *portion);
    if (!done) return tl::unexpected(done.error());
    if (!forget) return {};
    constexpr int32_t forgotten_max = 10'000;
    // Should it fail, the next look finds the same rows.
    static_cast<void>(db.exec("payment_calls_forget", pg::params{}.add_int4(forgotten_max)));
    return {};
  }
  void answer(ec x) override { then(x); }
  std::shared_ptr<const payment_call_portion> portion;
  bool forget = false;
  std::function<void(ec)> then;
};

void arm(calls_ptr self, millis pause) {
  if (std::exchange(self->state.armed, true)) return;
  self->delayed_send(self, pause, write_payment_calls{});
}

void write(calls_ptr self);

void written(calls_ptr self, ec is) {
  auto& st = self->state;
  st.writing = false;
  if (is == ec::ok) {
    st.probe->written += st.under_way.rows.size();
    st.under_way.rows.clear();
  } else {
    ++st.probe->failures;
    if (is == ec::bad_request) { // Nobody will ever take it: what comes after has to go on.
      st.probe->dropped += st.under_way.rows.size();
      st.under_way.rows.clear();
    }
  }
  st.probe->waiting = static_cast<int64_t>(st.waiting.size() + st.under_way.rows.size());
  bool none = st.waiting.empty() && st.under_way.rows.empty();
  if (st.ending && (none || is != ec::ok)) {
    st.probe->dropped += st.waiting.size() + st.under_way.rows.size();
    return self->quit(caf::exit_reason::user_shutdown);
  }
  if (none) return;
  bool full = is == ec::ok && (st.ending || st.waiting.size() >= st.config.portion_max);
  if (full) return write(self);
  arm(self, is == ec::ok ? st.config.gather : st.config.again);
}

/// The next portion, or once more the one that nobody knows to be written.
void write(calls_ptr self) {
  auto& st = self->state;
  if (st.writing) return;
  if (st.under_way.rows.empty()) {
    auto count = std::min(st.waiting.size(), st.config.portion_max);
    if (count == 0) return;
    auto end = st.waiting.begin() + static_cast<std::ptrdiff_t>(count);
    st.under_way.rows.assign(std::make_move_iterator(st.waiting.begin()),
                             std::make_move_iterator(end));
    st.waiting.erase(st.waiting.begin(), end);
    st.under_way.first = st.numbered;
    st.numbered += count;
  }
  auto job = std::make_shared<calls_job>();
  job->portion = std::make_shared<const payment_call_portion>(st.under_way);
  auto now = self->clock().now();
  job->forget = now >= st.forget_at;
  if (job->forget) st.forget_at = now + st.config.forget_every;
  job->then = [self](ec is) { written(self, is); };
  st.writing = true;
  st.pool.submit(std::move(job));
}

void on_call(calls_ptr self, const payment_call& x) {
  auto& st = self->state;
  if (st.waiting.size() >= st.config.waiting_max) {
    ++st.probe->dropped;
    return;
  }
  st.waiting.push_back(x);
  st.probe->waiting = static_cast<int64_t>(st.waiting.size() + st.under_way.rows.size());
  if (!st.writing) arm(self, st.config.gather);
}

void on_write(calls_ptr self) {
  auto& st = self->state;
  st.armed = false;
  write(self);
  if (st.ending && !st.writing) self->quit(caf::exit_reason::user_shutdown);
}

/// What was told before is written before it goes; one failure, and it goes without.
void on_exit(calls_ptr self, const caf::exit_msg& x) {
  bool gently = x.reason == caf::exit_reason::user_shutdown;
  if (!gently || std::exchange(self->state.ending, true)) return self->quit(x.reason);
  self->send(self, write_payment_calls{}); // Behind what is in the mailbox; an exit overtakes it.
}

self_actor::behavior_type calls(calls_ptr self, const payment_calls_config& config, uint64_t writer,
                                payment_calls_probe* probe) {
  auto& st = self->state;
  st.config = config;
  st.probe = probe;
  st.under_way.writer = writer;
  st.forget_at = self->clock().now();
  constexpr size_t jobs_max = 4; // There is never more than one.
  st.pool.start(self, std::make_shared<pg_pool_config>(pg_pool_config{config.conninfo, 1, jobs_max,
                                                                      "", payment_call_statements(),
                                                                      config.log, nullptr}));
  self->set_exit_handler([self](caf::exit_msg& x) { on_exit(self, x); });
  return {
    [=](const payment_call& x) { on_call(self, x); },
    [=](write_payment_calls) { on_write(self); },
  };
}

} // namespace

std::vector<pg_statement> payment_call_statements() {
  return {
    {"payment_calls_add",
     "INSERT INTO payment_calls (id, at, took_ms, provider, call, order_id, subject, amount, "
     "outcome, code, says) SELECT id, at, took_ms, provider, call, order_id, subject, amount, "
     "outcome, code, says FROM unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::text[], "
     "$5::text[], $6::text[], $7::uuid[], $8::bigint[], $9::text[], $10::text[], $11::text[]) "
     "AS x(id, at, took_ms, provider, call, order_id, subject, amount, outcome, code, says) "
     "ON CONFLICT DO NOTHING"},
    {"payment_calls_forget", "SELECT forget_payment_calls($1::int4)"},
  };
}

pg_result<int64_t> store_payment_calls(pg::connection& db, const payment_call_portion& x) {
  using pg::oid;
  pg::array ids{oid::uuid}, at{oid::timestamptz}, took{oid::int4}, provider{oid::text},
    call{oid::text}, order{oid::text}, subject{oid::uuid}, amount{oid::int8}, outcome{oid::text},
    code{oid::text}, says{oid::text};
  for (size_t i = 0; i < x.rows.size(); ++i) {
    auto& row = x.rows[i];
    ids.push_id(id_of(x, i));
    at.push_time(row.at);
    took.push_int(row.took_ms);
    provider.push_text(row.provider);
    call.push_text(row.call);
    order.push_text(row.order_id);
    subject.push_id_or_null(parse_id<id<call_id_tag>>(row.subject).value_or(id<call_id_tag>{}));
    amount.push_int(row.amount.amount);
    outcome.push_text(row.outcome);
    code.push_text_or_null(row.code);
    says.push_text_or_null(row.says);
  }
  pg::params values;
  values.add(ids).add(at).add(took).add(provider).add(call).add(order).add(subject).add(amount);
  values.add(outcome).add(code).add(says);
  auto done = db.exec("payment_calls_add", values);
  if (!done.ok()) return write_failed(done);
  return done.affected();
}

payment_calls_actor spawn_payment_calls(caf::actor_system& system, payment_calls_config config,
                                        entropy& random, payment_calls_probe& probe) {
  return caf::actor_cast<payment_calls_actor>(
    system.spawn(calls, std::move(config), random.next(), &probe));
}

} // namespace tk
