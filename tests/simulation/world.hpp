#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "gateways/payment/gateway.hpp"
#include "persistence/ledger/actor.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/node.hpp"
#include "supervisors/peers.hpp"
#include "supervisors/region.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"
#include "supervisors/spreader.hpp"
#include "tests/simulation/asked.hpp"
#include "tests/simulation/bank.hpp"
#include "tests/simulation/coverage.hpp"
#include "tests/simulation/database.hpp"
#include "tests/simulation/dead_letters.hpp"
#include "tests/simulation/memories.hpp"
#include "tests/simulation/names.hpp"
#include "tests/simulation/recorder.hpp"
#include "tests/simulation/registry.hpp"
#include "tests/simulation/telling.hpp"
#include "tests/simulation/wire.hpp"

/// A whole cluster in one thread and in virtual time. Everything inside a node is the production
/// code; replaced are clocks, entropy, the ledger's driver, reads and roster (a model of the
/// database), the links between nodes, the payment provider, and the clients.
namespace tk::sim {

struct system_config : caf::actor_system_config {
  system_config();
};

/// How often it is drawn what goes wrong.
constexpr millis tick_every{100};

/// A machine's clock: true time with an error, corrected by what the supervisor measures.
struct machine_clock final : wall_clock {
  const agenda* time = nullptr;
  int64_t skew_ms = 0, offset_ms = 0;
  [[nodiscard]] instant machine_now() const { return time->now() + millis{skew_ms}; }
  [[nodiscard]] instant now() const override { return machine_now() + millis{offset_ms}; }
};

/// What became of one request of a client.
template <class T> struct answer {
  int count = 0;
  bool gone = false; ///< The node died before it answered.
  T value;
  ec error = ec::ok;
  [[nodiscard]] bool came() const { return count > 0; }
  /// What the client knows.
  [[nodiscard]] ec is() const {
    if (!came() || gone) return ec::unknown;
    return error == ec::ok ? value.is : error;
  }
};
template <class T> using answer_ptr = std::shared_ptr<answer<T>>;

/// One life of a node, with everything that dies with it.
struct host {
  life who;
  bool dead = false;
  instant paused_until; ///< The epoch = runs.
  instant slow_until;
  ledger_probe ledger;
  machine_clock clock;
  dice random;
  board_store boards;
  payment_probe bank_probe;
  link_probe links;
  node_context node;
  std::vector<caf::actor> parts;                 ///< To be ended, in this order.
  std::vector<std::function<void()>> give_ups;   ///< Of requests that are open at its end.
  std::vector<std::shared_ptr<void>> belongings; ///< What its actors use; outlives them.
  host(life x, uint64_t seed)
      : who(x),
        random(seed, "node" + std::to_string(x.node) + "/" + std::to_string(x.incarnation)) {
    // nop
  }
};

class world {
public:
  world(uint64_t seed, const sale_plan& plan, const fault_mix& faults);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  agenda time;
  dice chance; ///< Of the scheduler and of processes.
  dice database_dice, wire_dice, bank_dice;
  fault_mix faults;
  database db;
  wire net;
  bank money;
  uint64_t seed;
  sale_plan plan;
  /// Who tells domain events, where the sale says so.
  std::unique_ptr<telling> told;
  /// Called by every step; the first text that is not empty ends the run.
  std::function<std::string()> watch;
  /// Starts what else a life of a node has; for nodes that are there already it is not called.
  std::function<void(host&)> on_boot;
  /// Single faults that do not happen, by name (`happened`).
  std::set<std::string> left_out;

  /// Runs until `end`, or until something is wrong.
  std::string run_until(instant end);
  /// Ends all faults: nodes return, connections work, clocks are right (but for what was measured).
  void heal();

  // -- nodes --------------------------------------------------------------------------------------
  void boot(int32_t node);
  /// False when this single fault is left out. It is named after its kind and the time.
  [[nodiscard]] bool happens(const char* kind, bool drawn);
  /// It starts again after `back`, or when the seed says.
  void kill(int32_t node, std::optional<millis> back = std::nullopt);
  void pause(int32_t node, millis length);
  [[nodiscard]] host* find(int32_t node);
  /// One that clients go to; not one that is lost for good.
  [[nodiscard]] int32_t any_node(dice& d) const;
  [[nodiscard]] int32_t any_node() { return any_node(chance); }
  /// One that runs, as a balancer in front of them finds it; any when none does.
  [[nodiscard]] int32_t living_node();
  /// It dies and never comes back.
  void lose(int32_t node);

  /// Starts an actor that ends with its node.
  template <class F> void start_part(host& at, F make) {
    in_node(at, [&] { at.parts.push_back(make()); });
  }
  /// Who believes to have the waiting room of the sale; 0 = nobody.
  [[nodiscard]] int32_t node_of_room() const;

  /// A client's request at `node`, as its ingress passes it on. `done` is called once: with what
  /// was answered, or when the node dies.
  template <class Port, class Message, class Done>
  auto ask_at(int32_t node, const entity_key& key, Message what, millis budget, Done done) {
    using reply = typename reply_to<Port, Message>::type;
    auto out = std::make_shared<answer<reply>>();
    auto at = find(node);
    if (at == nullptr) { // Refused by the machine: certainly nothing happened.
      out->count = 1;
      out->error = ec::unavailable;
      time.after(millis{1}, [=] { done(*out); });
      return out;
    }
    auto seen = begin_request(look_at(db.model, key, what), node);
    auto finish = [=, this] {
      if (++out->count != 1) return;
      if constexpr (requires { out->value.is; }) end_request(seen, node, out->is());
      time.after(millis{0}, [=] { done(*out); });
    };
    auto client = [=](caf::event_based_actor* self, int) {
      ask<Port>(self, at->node, key, budget, what)
        .then(
          [=](const reply& x) {
            out->value = x;
            finish();
          },
          [=](const caf::error& e) {
            out->error = to_ec(e);
            finish();
          });
    };
    in_node(*at, [&] { at->parts.push_back(system.spawn(client, 0)); });
    at->give_ups.push_back([=] {
      if (out->count > 0) return;
      out->gone = true;
      finish();
    });
    return out;
  }

  /// For who asks otherwise: what is asked, and what became of it, for the report.
  using open_request = std::shared_ptr<const coverage::open_request>;
  open_request begin_request(asked_thing what, int32_t node);
  void end_request(const open_request& x, int32_t node, ec is);

  [[nodiscard]] uint64_t steps() const { return steps_; }
  /// Of everything that happened, in order: equal for equal seeds.
  [[nodiscard]] uint64_t digest() const { return digest_; }
  /// Messages that the actors of each node have handled.
  [[nodiscard]] const std::map<int32_t, uint64_t>& handled() const { return handled_; }
  [[nodiscard]] uint64_t kills() const { return kills_; }
  [[nodiscard]] uint64_t pauses() const { return pauses_; }
  /// Single faults so far: what a tick draws, by kind and time, for instance "kill@1200".
  [[nodiscard]] const std::vector<std::string>& happened() const { return happened_; }
  /// What was tried so far.
  coverage covered;
  registry owners;
  /// Whom a planned move has cost an answer (L9); empty = nobody.
  [[nodiscard]] const std::string& refused() const { return refused_; }
  /// Who is alive and remembers something.
  memories minds;
  /// What the actor system told actors.
  dead_letters letters;
  /// Adds what the nodes themselves have counted to it.
  void count_probes();
  /// Where everything that happens is written down, if anywhere.
  recorder* record = nullptr;
  void tell(const std::string& what) { note("", "", what); }

private:
  /// Actors that `what` starts belong to `at`.
  template <class F> void in_node(host& at, F what) {
    running_ = at.who.node;
    what();
    note_new_actors();
    running_ = 0;
  }
  void note(const std::string& from, const std::string& to, const std::string& what);
  void note_traffic();
  void start_services(host& at);
  void start_links(host& at);
  void start_supervisor(host& at);
  void tick();
  void go_wrong();
  void stay_unheard();
  void let_blocks_die();
  void fail_over(dice d);
  void interfere(int32_t node, uint16_t shard);
  void start_odd(int32_t node, millis length);
  [[nodiscard]] bool is_refused(int32_t node);
  void wish(dice& d, int32_t node, uint16_t shard, millis length);
  void miss(const std::string& what, millis waited, bool came_true);
  void swizzle(dice d);
  [[nodiscard]] int32_t node_drawn(dice& d) const;
  [[nodiscard]] entity_key key_drawn(dice& d) const;
  void move(uint16_t shard, int32_t to);
  static caf::scheduled_actor* actor_of(caf::resumable* job);
  void spread_boards();
  bool die_at_turn(int32_t node, const batch& what, bool committed);
  void look_at_owners();
  void note_new_actors();
  bool step();
  [[nodiscard]] bool paused(caf::actor_id x);
  void mix(uint64_t x);
  void advance_to(instant x);
  void bury(host& at);

  instant start_;
  system_config config_;

public:
  caf::actor_system system{config_};

private:
  caf::scheduler::test_coordinator& jobs_;
  std::map<int32_t, std::unique_ptr<host>> hosts_;
  std::map<int32_t, int64_t> incarnations_;
  std::vector<std::unique_ptr<host>> graves_; ///< Actors of the dead still point there.
  std::vector<int32_t> node_of_;              ///< By actor id, from `first_actor_` on.
  caf::actor_id first_actor_ = 0;
  std::map<int32_t, uint64_t> handled_;
  int32_t running_ = 0;
  bool healing_ = false;
  uint64_t steps_ = 0, digest_ = 0xcbf29ce484222325ull, kills_ = 0, pauses_ = 0;
  uint64_t ticks_ = 0;
  std::set<int32_t> gone_;
  std::map<int32_t, instant> odd_until_; ///< What starts there until then counts shards otherwise.
  std::vector<size_t> ready_;            ///< Kept for its memory.
  std::vector<std::string> happened_;
  bool moved_only_ = false;
  std::map<int32_t, instant> drained_at_; ///< By an operator, since it was undrained last.
  std::map<uint16_t, instant> moved_at_;  ///< By a fault; operators wish otherwise.
  std::string refused_;
  dice turn_dice_;
  bool special_turn_ = false; ///< The one that is at its commit.
  /// An ingress that the room does not hear, and the room's node as of then.
  struct {
    int32_t ingress = 0, room = 0;
    instant until;
  } unheard_;
  const fault_counts* struck_; ///< Of all kinds so far; null when nobody counts.
};

} // namespace tk::sim
