#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "persistence/ledger/core.hpp"
#include "persistence/ledger/model_driver.hpp"
#include "persistence/ledger/port.hpp"
#include "persistence/ledger/roster_port.hpp"
#include "persistence/ledger/timeline.hpp"
#include "persistence/reads/port.hpp"
#include "persistence/relay/outbox_model.hpp"
#include "tests/simulation/agenda.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/sale_plan.hpp"

namespace tk::sim {

/// One life of a simulated node. Incarnations never return.
struct life {
  int32_t node = 0;
  int64_t incarnation = 0;
  auto operator<=>(const life&) const = default;
};

/// As the roster tells of it: each life has a number of its own, and one can see whose it is.
inline int64_t number_of(const life& x) { return int64_t{x.node} * 1'000'000 + x.incarnation; }

/// Hears of everything that is committed, when it is.
struct commit_listener {
  virtual ~commit_listener() = default;
  /// @param node whose ledger sent it.
  virtual void committed(int32_t node, const batch& what, const batch_result& said) = 0;
  /// A lane that had told of something that was lost has written again (I26).
  virtual void wrote_after_loss() = 0;
  /// A lane that had told of nothing that was lost refuses to write (I26).
  virtual void stopped_without_loss() = 0;
  /// Commits that were told are not on record any more.
  virtual void lost() = 0;
};

/// PostgreSQL as the nodes meet it: connections that take time, get lost before and after COMMIT,
/// backends that commit after their client has gone; the roster and the owners of shards. What the
/// statements do is the ledger's model, which passes the libpq driver's own contract suite.
class database {
public:
  database(agenda& time, dice& random, const fault_mix& faults);

  ledger_model model;
  /// The same domain events as in the model's rows, with what a relay needs; filled where `tells`.
  outbox_model outbox;
  bool tells = false;
  commit_listener* listener = nullptr;
  /// Ends a node between a commit and its answer; false when that is left out.
  std::function<bool(int32_t)> crash;

  /// Is there a process of this node, which keeps connections?
  std::function<bool(int32_t)> runs;

  /// Asked before a batch is executed and after it was committed; true when its node has died
  /// there.
  std::function<bool(int32_t node, const batch& what, bool committed)> at_boundary;

  /// Executes a batch for one lane of a node and tells how it went, some time later, or never when
  /// the connection dies with its node.
  void execute(life who, size_t lane, std::shared_ptr<const batch> what,
               std::function<void(batch_result)> answer);

  /// A read: `answer(true)` when rows can be read, taken at that moment.
  void read(life who, std::function<void(bool)> answer);

  /// A start that counts shards otherwise is refused before it has left anything behind (F52): the
  /// table of nodes has a constraint, and rows carry the numbers of shards.
  [[nodiscard]] static bool admits(int32_t shards) { return shards == shard_count; }

  /// A transaction on another connection, which does `what`; `answer` hears whether that is known.
  void work(life who, std::function<void()> what, std::function<void(bool)> answer);

  /// A heartbeat. Who of `unreached` has no backend is dead from now on. Empty = no answer from the
  /// server.
  void beat(life who, const beat_once& what, std::function<void(std::optional<membership>)> answer);
  /// Takes up to `most` free shards; the answer is how many, none when there is no database.
  void take(life who, int32_t most, std::function<void(std::optional<int32_t>)> answer);
  /// Gives a shard to another node, or looks whose it is.
  void give(life who, const give_shard& what, std::function<void(given)> answer);
  /// These nodes are known to be there before anybody takes a shard, so that each takes its share.
  void announce(int32_t nodes);
  /// What operators wish of the placement, as rows that every heartbeat brings along: a node is to
  /// be empty, a shard is to be a node's (0: anybody's again), shards are to be evened out.
  void drain(int32_t node, bool on);
  void pin(uint16_t shard, int32_t node);
  void even_out(wish_id wish) { even_wish_ = wish; }
  [[nodiscard]] const wish_id& even_wish() const { return even_wish_; }
  [[nodiscard]] int32_t pinned(uint16_t shard) const {
    auto i = pinned_.find(shard);
    return i == pinned_.end() ? 0 : i->second;
  }
  [[nodiscard]] const std::set<int32_t>& drained() const { return drained_; }
  /// By shard; 0 = nobody's.
  [[nodiscard]] const std::array<int32_t, shard_count>& owners() const { return owners_; }
  /// Whose a shard was in an epoch, and when that ended; the node is 0 when nobody ever had it.
  struct reign {
    int32_t node = 0;
    std::optional<instant> ended;
  };
  [[nodiscard]] reign reign_of(uint16_t shard, int64_t epoch) const;
  /// When this life's heartbeat came in last; nothing when none ever did.
  [[nodiscard]] std::optional<instant> last_beat(life who) const;
  /// Ends the faults, the times without connection, and what operators wish.
  void heal();
  /// From now on nothing reaches the server from `node`, or from anybody when it is 0.
  void cut(int32_t node, millis length);

  /// Another server goes on without the last `commits` of this one (F31). Shards and their epochs
  /// stay as they are.
  void fail_over(size_t commits);

  /// Hears of every batch on its way to the server, and of what its node hears.
  std::function<void(int32_t node, bool answer, const std::string& what)> on_batch;

  [[nodiscard]] uint64_t takeovers() const { return takeovers_; }
  [[nodiscard]] uint64_t gifts() const { return gifts_; }
  [[nodiscard]] uint64_t lost() const { return lost_; }
  /// Ops that the ledger of each node has sent.
  [[nodiscard]] const std::map<int32_t, uint64_t>& ops_of_node() const { return ops_of_node_; }

private:
  /// A transaction that has a number, until it has ended.
  struct writer;
  using writer_ptr = std::shared_ptr<writer>;
  /// A connection of a lane. Its number rises when its backend is ended from outside.
  struct session {
    uint64_t number = 0;
    std::shared_ptr<const batch> late; ///< The client has gone; the backend goes on.
    writer_ptr late_writer;
    loss_watch told;          ///< The driver's: the production rule.
    size_t timeline = 1;      ///< On which it was asked last.
    uint64_t promised_at = 0; ///< The judge's: end of the log at the last promise told.
    size_t promised_on = 0;   ///< And its timeline; 0 = nothing was promised.
  };
  /// What was there before a commit.
  struct snapshot {
    uint64_t log_end = 0;
    model_rows rows;
  };
  using session_key = std::pair<life, size_t>;

  void arrive(const session_key& key, uint64_t number, const std::shared_ptr<const batch>& what,
              const writer_ptr& writer, const std::function<void(batch_result)>& answer);
  void run_late(int32_t node, session& x);
  batch_result run(int32_t node, const batch& what, const writer_ptr& as);
  void tell_rows(size_t from, const writer_ptr& as);
  void remember_rows();
  bool may_write(session& x);
  /// The lane's driver has heard of a commit and is about to tell of it.
  void told(session& x, const batch& what, const batch_result& said, uint64_t at, size_t on);
  [[nodiscard]] bool has_lost(const session& x) const;
  given look_whose(life who, const give_shard& what);
  void crown(size_t shard, int32_t node);
  /// Ends every backend of a node: what it was doing is rolled back or was just committed.
  void end_backends(int32_t node);
  [[nodiscard]] bool lives(int32_t node) const;
  [[nodiscard]] bool has_backends(int32_t node) const;
  [[nodiscard]] bool is_free(size_t shard) const;
  [[nodiscard]] membership seen_by(life who) const;
  [[nodiscard]] bool away(life who) const;
  [[nodiscard]] millis delay();
  void answer_later(int32_t node, const std::function<void(batch_result)>& answer, batch_result x);

  agenda& time_;
  dice& dice_;
  fault_mix faults_;
  std::map<session_key, session> sessions_;
  std::map<int32_t, instant> away_until_;
  struct member {
    int64_t incarnation = 0;
    instant last_beat;   ///< As far as the others count it.
    instant beat_really; ///< The others may be told that it is dead.
  };
  std::map<int32_t, member> roster_;
  std::array<int32_t, shard_count> owners_{};
  std::array<std::map<int64_t, reign>, shard_count> reigns_; ///< By epoch.
  std::set<int32_t> drained_;
  std::map<uint16_t, int32_t> pinned_;
  wish_id even_wish_;
  uint64_t log_end_ = 1;
  std::vector<uint64_t> left_at_; ///< Where each timeline before this one was left.
  std::deque<snapshot> past_;     ///< Before the last commits, while fail-overs may come.
  uint64_t events_ = 0;
  uint64_t takeovers_ = 0, gifts_ = 0, lost_ = 0, buried_ = 0;
  std::map<int32_t, uint64_t> ops_of_node_;
};

} // namespace tk::sim
