#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "tests/simulation/hall.hpp"
#include "tests/simulation/oracle.hpp"
#include "tests/simulation/world.hpp"

/// Races of a few actors, in every order in which they can happen. Random seeds seldom meet a race
/// of two messages; here nothing is left out. Region, blocks and ledger are the production code;
/// every message that one of them handles is a step, and so is every commit.
namespace tk::sim::small {

/// One race under way: nodes, rows, and clients who do one thing after the other.
class stage {
public:
  /// @param system with the testing scheduler; one for all stages.
  stage(caf::actor_system& system, int32_t nodes, const hall& what);
  ~stage();
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  // -- what a model is made of --------------------------------------------------------------------
  /// A client does `steps` in this order. A step begins when the one before has been answered.
  void client(std::vector<std::pair<std::string, std::function<void()>>> steps);
  /// Holds seats at their lead block as session `user` would, at the owner that `node` knows.
  void hold(int32_t node, int32_t user, const std::vector<wanted_item>& items);
  /// The reservation that `user` was given; nil before.
  [[nodiscard]] reservation_id held_by(int32_t user) const;
  void pin(int32_t node, int32_t user);
  void sell(int32_t node, int32_t user);
  void cancel(int32_t node, int32_t user);
  /// The shard of a block moves: its rows are the new owner's, the old one does not know it yet.
  void take_over(int32_t block, int32_t to);
  /// Time goes on for everybody.
  void pass(millis by);
  /// Everything that is open happens, in the order in which it came.
  void settle();
  [[nodiscard]] ec said(int32_t user) const { return said_.at(user); }
  /// False also for who did not ask.
  [[nodiscard]] bool granted(int32_t user) const {
    return said_.contains(user) && said_.at(user) == ec::ok;
  }
  [[nodiscard]] ec paid(int32_t user) const { return paid_.at(user); }

  // -- exploring ----------------------------------------------------------------------------------
  /// What may happen next, named; empty = nothing is open.
  std::vector<std::string> choices();
  void choose(size_t which);
  /// What is wrong so far.
  [[nodiscard]] std::string wrong() const { return judge_.wrong(); }
  /// Lets everything come to rest and looks at rows, boards and answers.
  std::string at_rest();

  [[nodiscard]] const ledger_model& rows() const { return model_; }

private:
  struct executor final : batch_executor {
    stage* on = nullptr;
    batch_result execute(const batch& what) override;
  };
  struct machine {
    machine_clock clock;
    dice random{1, "small"};
    board_store boards;
    node_context context;
    std::vector<caf::actor> parts;
  };
  struct sequence {
    std::vector<std::pair<std::string, std::function<void()>>> steps;
    size_t done = 0;
    int open = 0; ///< Requests without an answer.
  };
  void start(machine& at, bool owner);
  template <class Port, class Message, class Done>
  void ask(int32_t from, const entity_key& key, Message what, Done done);
  void run_others();
  bool is_step(caf::resumable* job) const;
  void run(caf::resumable* job);
  void hear_of_takeovers();
  std::string check_boards();
  std::string sell_what_is_left();

  caf::actor_system& system_;
  caf::scheduler::test_coordinator& jobs_;
  agenda time_;
  ledger_model model_;
  mock_provider no_money_{mock_settings{}};
  oracle judge_;
  executor executor_;
  hall hall_;
  std::deque<machine> nodes_;
  std::deque<sequence> scripts_;
  sequence* acting_ = nullptr;
  std::map<caf::actor_id, std::string> names_;
  std::map<int32_t, hold_reply> holds_;
  std::map<int32_t, ec> said_, paid_;
  std::map<int32_t, int32_t> owner_; ///< Of blocks that moved.
  uint64_t ids_ = 0;
  int unanswered_ = 0;
  std::string trouble_;
};

/// A race: how it is set up, and what must be true of it at the end beside what always must.
struct model {
  const char* name = "";
  const char* about = "";
  int32_t nodes = 1;
  std::function<void(stage&)> set_up;
  std::function<std::string(stage&)> check;
};
const std::vector<model>& models();

struct explored {
  uint64_t orders = 0;            ///< In which it was played.
  size_t longest = 0;             ///< Steps of the longest one.
  bool all = true;                ///< None was left out.
  std::string wrong;              ///< Of the first order that failed.
  std::vector<std::string> steps; ///< That order.
};

/// Plays a race in every order. When there are more than half of `most`, as many again are drawn.
explored explore(const model& what, uint64_t most);

} // namespace tk::sim::small
