#pragma once

#include <algorithm>
#include <deque>
#include <variant>
#include <vector>

#include "persistence/ledger/actor.hpp"
#include "persistence/ledger/model_actors.hpp"
#include "tests/support/node_rig.hpp"

/// A node whose ledger is the real ledger actor over the ledger's model, which can lose batches,
/// and whose owner can be replaced.
namespace tk::rig {

/// The model, with what may happen to a batch on its way.
struct moody_model final : batch_executor {
  explicit moody_model(ledger_model& to) : model(to) {
    // nop
  }
  ledger_model& model;
  std::deque<fate> fates; ///< Of the next batches; empty = normal.
  bool away = false;
  bool loses_rooms = false; ///< Loses every turn of a waiting room, and nothing else.

  batch_result execute(const batch& what) override {
    batch_result gone;
    gone.is = away ? batch_status::not_connected : batch_status::lost;
    if (away || (loses_rooms && about_rooms(what))) return gone;
    auto how = fate::normal;
    if (!fates.empty() && !what.ops.empty()) {
      how = fates.front();
      fates.pop_front();
    }
    if (how == fate::lost_before) return gone;
    auto out = model.execute(what);
    return how == fate::lost_after ? gone : out;
  }
  static bool about_rooms(const batch& what) {
    return std::ranges::any_of(
      what.ops, [](const op_ptr& x) { return std::holds_alternative<room_turn>(*x); });
  }
};

struct model_rig : node_rig {
  ledger_model model{from_ms(1'800'000'000'000)};
  moody_model database{model};
  std::vector<ledger_driver_actor> drivers;

  model_rig() {
    stop(caf::actor_cast<caf::actor>(node.ledger));
    stop(caf::actor_cast<caf::actor>(node.reads));
    drivers.reserve(lane_count);
    for (size_t i = 0; i < lane_count; ++i) drivers.push_back(spawn_model_driver(sys, database));
    node.ledger = spawn_ledger(sys, ledger_config{}, drivers, st.clock);
    node.reads = spawn_model_reads(sys, model);
    model.rows.events = st.rows.events;
    for (auto& x : model.rows.epochs) x = 1;
  }
  ~model_rig() {
    for (auto& x : drivers) stop(caf::actor_cast<caf::actor>(x));
  }

  void wait(millis how_long) {
    pass(how_long);
    model.set_now(now());
  }
  /// What an asker has heard, waiting for it as long as an ingress does.
  template <class T> T told(const answer_ptr<T>& x) {
    for (int i = 0; i < 60 && !x->came(); ++i) wait(millis{100});
    CAF_REQUIRE(x->came());
    CAF_CHECK_EQUAL(x->count, 1);
    CAF_REQUIRE(x->error == ec::ok);
    return x->value;
  }
  /// Everything has a new owner, who starts from the rows.
  void take_over() {
    for (size_t i = 0; i < model.rows.epochs.size(); ++i) {
      model.rows.epochs[i]++;
      node.epochs.epochs[i]++;
    }
    caf::anon_send(node.region, atom::thaw_v, true);
    run();
  }
};

} // namespace tk::rig
