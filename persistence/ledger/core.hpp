#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"
#include "persistence/ledger/messages.hpp"

/// What the ledger decides, as a pure state machine: every input is a call, every consequence a
/// value in `ledger_effects`. No actor, no clock, no database (R1).
namespace tk {

/// A lane has one driver and one batch on the wire at a time.
enum class lane_id : uint8_t { sales0 = 0, sales1, queue, accounts };
constexpr size_t lane_count = 4;

struct ledger_config {
  size_t ops_max = 4096;              ///< Per lane: admitted and without outcome.
  size_t bytes_max = 8 * 1024 * 1024; ///< Per lane, as `bytes_of` estimates.
  size_t batch_items_max = 200;       ///< A batch stops growing here (ledger.md section 5).
  millis overdue{250};                ///< Sales go round a batch that has taken longer.
  millis driver_timeout{10'000};      ///< Longer than any timer of the driver; then *lost*.
  millis resend_min{50};              ///< First pause before a lost batch is sent again.
  millis resend_max{2'000};           ///< Pauses double up to here.
  millis probe_every{1'000};          ///< How often a lane that is down tries an empty batch.
};

/// Names the asker of an op; given by the shell, opaque here. In use until its delivery.
using asker_no = uint32_t;

/// Hand `what` to the driver of `lane`; answer with `ledger_core::executed` and this ticket.
struct send_batch {
  lane_id lane;
  uint64_t ticket = 0;
  std::shared_ptr<const batch> what;
};
/// Tell the asker. There is exactly one delivery per `ledger_core::admit`.
struct deliver_verdict {
  asker_no asker = 0;
  verdict what;
};
/// Call `ledger_core::tick` with this after `after`.
struct arm_timer {
  lane_id lane;
  uint64_t generation = 0;
  millis after{0};
};
/// Every op admitted for `shard` before this barrier has an outcome.
struct pass_barrier {
  asker_no asker = 0;
  uint16_t shard = 0;
};

/// Consequences of one call, in the order in which they are to be carried out per kind.
struct ledger_effects {
  std::vector<send_batch> sends;
  std::vector<deliver_verdict> deliveries;
  std::vector<arm_timer> timers;
  std::vector<pass_barrier> barriers;
  void clear();
};

/// The first lane for an op: that of sales, or accounts for what is a user's, or queue for rooms.
lane_id lane_of(const op& x);
/// Items an op adds to its batch; 0 = malformed (nothing to judge).
size_t items_of(const op& x);
/// Estimate of an op's memory, for the bound by bytes.
size_t bytes_of(const op& x);
/// Shards of all participants, without duplicates, appended to `out`.
void shards_of(const op& x, std::vector<uint16_t>& out);

class ledger_core {
public:
  explicit ledger_core(const ledger_config& config) : config_(config) {}

  /// Takes an op or refuses it in the same step: `busy` over a bound, `unavailable` while the lane
  /// is down, `late` past its deadline, `broken` when there is nothing to judge.
  void admit(asker_no asker, const submit& x, instant now, ledger_effects& fx);

  /// Passes at once when no op of the shard is open.
  void wait(asker_no asker, const barrier& x, ledger_effects& fx);

  /// The driver's answer. Another ticket than that of the batch on the wire changes nothing.
  void executed(lane_id lane, uint64_t ticket, const batch_result& x, instant now,
                ledger_effects& fx);

  /// A timer of `arm_timer` has run out. An old generation changes nothing.
  void tick(lane_id lane, uint64_t generation, instant now, ledger_effects& fx);

  /// Ops of the lane without outcome.
  [[nodiscard]] size_t depth(lane_id x) const { return at(x).open; }
  [[nodiscard]] bool down(lane_id x) const { return at(x).down; }
  /// Batches aborted by the tripwire or an unexpected error; any is a bug.
  [[nodiscard]] uint64_t batch_aborts() const { return batch_aborts_; }

private:
  struct entry {
    op_ptr what;
    instant deadline;
    asker_no asker = 0;
    uint64_t seq = 0; ///< Order of admission, for barriers.
    uint32_t items = 0, bytes = 0;
  };
  /// Ops that go to the driver together.
  struct unit {
    std::vector<entry> ops;
    std::shared_ptr<const batch> wire; ///< Built at the first sending; null after a change.
    bool maybe_done = false;           ///< Was lost: no op of it may be called undone.
    bool contended = false;            ///< Has lost to a lock once.
  };
  struct lane_state {
    std::deque<entry> queue;
    std::vector<unit> work; ///< The last one is next; more than one only while halving.
    uint64_t ticket = 0;    ///< Of the batch on the wire; 0 = none.
    instant sent_at;        ///< Of that batch.
    bool probing = false;   ///< The batch on the wire is the empty one.
    uint64_t timer = 0;     ///< Generation of the armed timer; 0 = none.
    bool down = false;      ///< The server cannot write.
    millis pause{0};        ///< Last pause of a row of failures.
    size_t open = 0, bytes = 0;
  };
  struct waiting {
    asker_no asker = 0;
    uint64_t before = 0; ///< Ops admitted with a lower `seq` count.
    size_t left = 0;
  };
  struct shard_state {
    size_t open = 0;
    std::vector<waiting> barriers;
  };

  lane_state& at(lane_id x) { return lanes_[static_cast<size_t>(x)]; }
  [[nodiscard]] const lane_state& at(lane_id x) const { return lanes_[static_cast<size_t>(x)]; }

  [[nodiscard]] lane_id lane_for(const op& x, instant now) const;
  void pump(lane_id id, instant now, ledger_effects& fx);
  bool form(lane_state& lane, instant now, ledger_effects& fx);
  void drop_late(lane_state& lane, unit& u, instant now, ledger_effects& fx);
  void sweep_queue(lane_state& lane, instant now, ledger_effects& fx);
  void send(lane_id id, std::shared_ptr<const batch> what, instant now, ledger_effects& fx);
  void pause(lane_id id, millis after, ledger_effects& fx);
  void back_off(lane_id id, ledger_effects& fx);

  void on_probe(lane_id id, batch_status x, instant now, ledger_effects& fx);
  void on_committed(lane_state& lane, const batch_result& x, ledger_effects& fx);
  void on_torn(lane_state& lane, ledger_effects& fx);
  void on_contended(lane_id id, ledger_effects& fx);
  void on_refused(lane_id id, instant now, ledger_effects& fx);

  void finish(lane_state& lane, const entry& x, verdict v, ledger_effects& fx);
  void finish_all(lane_state& lane, const unit& u, outcome x, ledger_effects& fx);

  ledger_config config_;
  std::array<lane_state, lane_count> lanes_;
  std::array<shard_state, shard_count> shards_;
  uint64_t last_seq_ = 0, last_ticket_ = 0, last_timer_ = 0;
  uint64_t batch_aborts_ = 0;
  std::vector<uint16_t> scratch_;
};

} // namespace tk
