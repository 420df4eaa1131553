#include "node/reconciler.hpp"

#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <nlohmann/json.hpp>

#include "actors/registry.hpp"
#include "logging/log.hpp"
#include "persistence/reconciliation/judge.hpp"
#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

constexpr std::chrono::seconds rows_budget{10}, compare_budget{35};
/// Longer than a till takes, which always answers.
constexpr auto question_budget = payment_call_max + std::chrono::seconds(10);
constexpr int touch_every = 5;
constexpr int silent_max = 3; ///< After that a provider is asked no more in this run.

/// A run of this node.
struct run {
  reconciliation_begun of;
  std::deque<money_row> todo;
  std::map<std::string, int> silent; ///< Answers that a provider owes.
  int steps = 0;
  int64_t asked = 0, agreed = 0, unanswered = 0, found = 0, opened = 0, repairs = 0;
  bool window_open = false; ///< Something that moved money could not be asked about.
  std::optional<rows_compared> rows;
};

struct reconciler_state {
  static inline const char* name = "tiketi.reconciler";
  reconciler_config config;
  reconciliation_actor rows;
  const wall_clock* clock = nullptr;
  reconciler_probe* probe = nullptr;
  std::optional<run> now;
  bool beginning = false;
};

using self_actor = reconciler_actor::extend<caf::reacts_to<atom::tick>, caf::reacts_to<atom::look>>;
using pointer = self_actor::stateful_pointer<reconciler_state>;

void go_on(pointer self);

/// It comes to nothing: its row is ended by whoever looks next, and a run begins afresh.
void give_up(pointer self, const caf::error& why) {
  auto& st = self->state;
  st.now.reset();
  ++st.probe->failures;
  log_line(log_level::warn, "reconciliation", "reconciliation_failed")
    .text("code", answer_to(to_ec(why)).code);
}

std::string result_of(const run& x) {
  nlohmann::ordered_json out = {{"asked", x.asked}, {"agreed", x.agreed}, {"silent", x.unanswered},
                                {"found", x.found}, {"opened", x.opened}, {"repairs", x.repairs}};
  if (auto& rows = x.rows) {
    out["rows"] = {{"compared", rows->whole}, {"rules", rows->rules},   {"broken", rows->broken},
                   {"opened", rows->opened},  {"closed", rows->closed}, {"ms", rows->took.count()}};
    if (!rows->whole) out["rows"]["why"] = rows->why;
  }
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// -- cases ----------------------------------------------------------------------------------------

void take_cases(pointer self, const cases_seen& x) {
  auto& probe = *self->state.probe;
  for (size_t i = 0; i < case_kinds; ++i) {
    probe.open.at(i) = x.open.at(i);
    probe.overdue.at(i) = x.overdue.at(i);
  }
  for (auto& late : x.alerts)
    log_line(log_level::error, "reconciliation", "case_overdue")
      .text("case", late.id)
      .text("kind", late.kind)
      .text("subject", late.subject)
      .text("detected_at", to_iso_z(late.detected_at));
}

void look_at(pointer self) {
  self->request(self->state.rows, rows_budget, look_at_cases{self->state.config.alert_after})
    .then([=](const cases_seen& x) { take_cases(self, x); },
          [](caf::error&) {
            // The next look counts them.
          });
}

// -- a run ----------------------------------------------------------------------------------------

void end_run(pointer self) {
  auto& st = self->state;
  auto& x = *st.now;
  end_reconciliation what;
  what.id = x.of.id;
  what.asked_to = x.window_open ? x.of.from : x.of.to;
  what.compared = x.rows.has_value();
  if (x.rows) what.compare_took = x.rows->took;
  what.result = result_of(x);
  self->request(st.rows, rows_budget, std::move(what))
    .then(
      [=](const reconciliation_ended&) {
        auto& s = self->state;
        auto ended = std::exchange(s.now, std::nullopt);
        ++s.probe->runs;
        log_line(log_level::info, "reconciliation", "reconciliation_ended")
          .text("id", to_string(ended->of.id))
          .number("asked", ended->asked)
          .number("silent", ended->unanswered)
          .number("found", ended->found)
          .number("repairs", ended->repairs)
          .number("rules_broken", ended->rows ? ended->rows->broken : 0);
        look_at(self);
      },
      [=](caf::error& e) { give_up(self, e); });
}

void compare(pointer self) {
  auto& st = self->state;
  if (!st.now->of.compare_rows) return end_run(self);
  self->request(st.rows, compare_budget, compare_rows{st.now->of.began_at})
    .then(
      [=](const rows_compared& x) {
        auto& s = self->state;
        s.probe->found += static_cast<uint64_t>(x.opened);
        if (!x.whole)
          log_line(log_level::warn, "reconciliation", "rows_not_compared").text("what", x.why);
        s.now->rows = x;
        end_run(self);
      },
      [=](caf::error& e) { give_up(self, e); });
}

/// Says that the run goes on, some times a minute; another one may have taken it for dead.
void touch_then(pointer self, std::function<void()> next) {
  auto& st = self->state;
  if (st.now->steps++ % touch_every != 0) return next();
  self->request(st.rows, rows_budget, touch_reconciliation{st.now->of.id})
    .then(
      [=](const reconciliation_goes_on& x) {
        if (x.still) next();
        else give_up(self, make_error(ec::late));
      },
      [=](caf::error& e) { give_up(self, e); });
}

/// After a pause: providers count questions.
void next_row(pointer self, bool asked) {
  if (asked) self->delayed_send(self, self->state.config.between_questions, atom::look_v);
  else go_on(self);
}

/// First the repair, then the case: it closes when the repair has succeeded.
void put_on_record(pointer self, const money_row& row, const judgement& what, bool asked) {
  auto noted = [=, found = *what.found] {
    self->request(self->state.rows, rows_budget, open_case{found})
      .then(
        [=](const case_noted& y) {
          self->state.now->opened += y.changed ? 1 : 0;
          next_row(self, asked);
        },
        [=](caf::error& e) { give_up(self, e); });
  };
  if (!what.ask_again) return noted();
  self->request(self->state.rows, rows_budget, ask_again{row.attempt})
    .then(
      [=](const asked_again& y) {
        auto& st = self->state;
        st.now->repairs += y.changed ? 1 : 0;
        st.probe->repairs += y.changed ? 1 : 0;
        noted();
      },
      [=](caf::error& e) { give_up(self, e); });
}

/// Something was found. What has changed meanwhile is not what the provider spoke of.
void note(pointer self, const money_row& row, judgement what, bool asked) {
  self->request(self->state.rows, rows_budget, find_money{row.attempt})
    .then(
      [=](const money_found& x) {
        auto& st = self->state;
        auto same = row;
        if (!x.rows.empty()) same.why = x.rows.front().why;
        if (x.rows.empty() || x.rows.front() != same) return next_row(self, asked);
        ++st.now->found;
        ++st.probe->found;
        put_on_record(self, row, what, asked);
      },
      [=](caf::error& e) { give_up(self, e); });
}

void take_answer(pointer self, const money_row& row, const provider_view& there, bool asked) {
  auto& st = self->state;
  auto& x = *st.now;
  bool silent = there.is == provider_view::standing::silent;
  // The built-in provider forgets with its process, and lives in every node anew.
  auto what = judge(row, there, row.provider == "mock");
  if (what.agrees) ++x.agreed;
  if (asked && silent) {
    ++x.unanswered;
    ++st.probe->silent;
  }
  if (silent && row.why == money_why::booked) x.window_open = true;
  if (what.found) return note(self, row, std::move(what), asked);
  if (!what.agrees || row.why != money_why::differed) return next_row(self, asked);
  self->request(st.rows, rows_budget, close_case{case_kind::provider_difference, subject_of(row)})
    .then([=](const case_noted&) { next_row(self, asked); },
          [=](caf::error& e) { give_up(self, e); });
}

provider_view view_of(const payment_report& x) {
  using standing = provider_view::standing;
  provider_view out;
  switch (x.is) {
  case payment_state::captured: return {standing::captured, x.amount, x.refunded};
  case payment_state::pending: out.is = standing::open; break;
  case payment_state::not_found: out.is = standing::not_taken; break;
  case payment_state::not_asked:
  case payment_state::unknown: break;
  }
  return out;
}

void ask_about(pointer self, const money_row& row) {
  auto& st = self->state;
  auto& x = *st.now;
  ++x.asked;
  ++st.probe->asked;
  query_payment what{row.order_id, to_string(row.attempt), st.clock->now() + payment_call_max,
                     row.provider, row.started_at};
  auto heard = [=](const payment_report& y) {
    auto& owed = self->state.now->silent[row.provider];
    if (y.is == payment_state::not_asked) owed = silent_max; // Its breaker is open, or it is busy.
    else owed = y.is == payment_state::unknown ? owed + 1 : 0;
    take_answer(self, row, view_of(y), true);
  };
  self->request(st.config.payments, question_budget, std::move(what)).then(heard, [=](caf::error&) {
    heard(payment_report{});
  });
}

/// What costs nothing has no provider.
bool has_provider(const money_row& x) { return x.provider != "none"; }

void look_at_row(pointer self, const money_row& row) {
  auto& st = self->state;
  bool possible =
    has_provider(row) && st.config.payments && st.now->silent[row.provider] < silent_max;
  if (possible) return ask_about(self, row);
  if (!has_provider(row) && row.status != "live") return next_row(self, false);
  take_answer(self, row, {}, false);
}

void go_on(pointer self) {
  if (!self->state.now) return;
  touch_then(self, [=] {
    auto& todo = self->state.now->todo;
    if (todo.empty()) return compare(self);
    auto row = std::move(todo.front());
    todo.pop_front();
    look_at_row(self, row);
  });
}

void begin(pointer self, const reconcile_now& wish,
           std::function<void(const reconciliation_begun&)> told,
           std::function<void(const caf::error&)> failed) {
  auto& st = self->state;
  st.beginning = true;
  begin_reconciliation what{wish.id, st.config.node, wish.by, st.config.every, st.config.open_for};
  self->request(st.rows, rows_budget, std::move(what))
    .then(
      [=](const reconciliation_begun& x) {
        auto& s = self->state;
        s.beginning = false;
        told(x);
        if (x.is != run_begin::ours) return;
        s.now.emplace();
        s.now->of = x;
        s.now->todo = {x.rows.begin(), x.rows.end()};
        s.now->of.rows.clear();
        go_on(self);
      },
      [=](caf::error& e) {
        self->state.beginning = false;
        failed(e);
      });
}

caf::result<reconcile_begun> on_demand(pointer self, const reconcile_now& x) {
  auto& st = self->state;
  if (st.now) return reconcile_begun{run_begin::under_way, st.now->of.id};
  if (st.beginning) return make_error(ec::busy);
  auto reply = promise_reply<reconcile_begun>(self);
  auto rp = reply->rp;
  begin(
    self, x,
    [reply](const reconciliation_begun& y) {
      reply->deliver(reconcile_begun{y.is, y.id});
    },
    [reply](const caf::error& e) { reply->fail(to_ec(e)); });
  return rp;
}

void on_tick(pointer self) {
  auto& st = self->state;
  self->delayed_send(self, st.config.look_every, atom::tick_v);
  if (!st.config.owns()) { // Another one tells.
    take_cases(self, {std::vector<int64_t>(case_kinds), std::vector<int64_t>(case_kinds), 0, {}});
    return;
  }
  if (st.now || st.beginning) return;
  look_at(self);
  reconcile_now due;
  due.id = st.config.fresh_id();
  begin(
    self, due, [](const reconciliation_begun&) {},
    [](const caf::error&) {
      // The next look asks again.
    });
}

self_actor::behavior_type behave(pointer self, reconciler_config config, reconciliation_actor rows,
                                 const wall_clock* clock, reconciler_probe* probe) {
  auto& st = self->state;
  st.config = std::move(config);
  st.rows = std::move(rows);
  st.clock = clock;
  st.probe = probe;
  self->delayed_send(self, st.config.look_every, atom::tick_v);
  return {
    [=](const reconcile_now& x) { return on_demand(self, x); },
    [=](atom::tick) { on_tick(self); },
    [=](atom::look) { go_on(self); },
  };
}

} // namespace

reconciler_actor spawn_reconciler(caf::actor_system& system, reconciler_config config,
                                  reconciliation_actor rows, const wall_clock& clock,
                                  reconciler_probe& probe) {
  return system.spawn(behave, std::move(config), std::move(rows), &clock, &probe);
}

} // namespace tk
