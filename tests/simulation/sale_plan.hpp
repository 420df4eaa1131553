#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "actors/base/time.hpp"
#include "tests/simulation/dice.hpp"

/// What is simulated: a sale as its data file describes it, and the faults that a seed draws.
namespace tk::sim {

/// How often people do what, in parts of a whole.
struct habits {
  uint32_t pays = 50;             ///< After a hold: prepares and confirms.
  uint32_t pays_twice = 5;        ///< Confirms from two tabs at once.
  uint32_t cancels = 10;          ///< The hold.
  uint32_t cancels_paying = 5;    ///< While the payment is under way.
  uint32_t cancels_paid = 5;      ///< After it, for the money.
  uint32_t pays_late = 5;         ///< Around the end of the hold.
  uint32_t abandons = 20;         ///< Does nothing more.
  uint32_t double_clicks = 15;    ///< Percent of wishes sent twice at once.
  uint32_t retries = 60;          ///< Percent of unanswered wishes asked again with the same key.
  uint32_t other_body = 3;        ///< Percent of wishes whose key comes again with another body.
  uint32_t signs_out = 3;         ///< Percent of visits that end so.
  uint32_t payment_declined = 10; ///< Percent of payments that the provider refuses.
  uint32_t wrong_amounts = 0;     ///< Percent of holds for which somebody offers another price.
  uint32_t pays_on_page = 0;      ///< Percent of holds paid at the provider without being asked.
};

/// The waiting room of a sale.
struct queue_plan {
  int32_t threshold = 0; ///< Slots at a time; 0 = the sale has no room.
  int32_t per_second = 2;
  int32_t opens_s = 0; ///< After the start, where there is a pre-queue; 0 = never.
  int32_t slot_s = 15, slot_max_s = 40;
  int32_t stale_s = 60;          ///< Of silence, until the place is lost.
  uint32_t leaves = 15;          ///< Percent of those who wait.
  uint32_t goes_away = 25;       ///< Percent that close the laptop, most for a while.
  uint32_t two_devices = 30;     ///< Percent that have a second one.
  uint32_t without_cookies = 15; ///< Percent of devices that keep none.
  uint32_t steered = 40;         ///< Percent of evenings with an organiser who interferes.
  uint32_t cleared = 0;          ///< Of evenings in which everybody is sent away once.
  uint32_t follows = 0;          ///< Of evenings whose room follows the inventory.
  uint32_t gated = 0;            ///< Of evenings with a gate before the room.
  uint32_t lets_go = 0;          ///< Percent of holds that nobody pays for.
  [[nodiscard]] bool any() const { return threshold > 0; }
};

/// One sale, as written in `sales/*.json`.
struct sale_plan {
  std::string name = "storm";
  std::string about; ///< What it is there for, in a sentence.
  int32_t nodes = 3;
  int32_t blocks = 4; ///< Of numbered seats.
  int32_t seats_per_block = 8;
  std::vector<int32_t> standing; ///< A quota for each standing ticket type.
  int32_t people = 24;
  int32_t visits = 3;    ///< Of each person.
  int32_t party_max = 4; ///< Seats in one wish.
  millis length{60'000}; ///< While people come and things go wrong.
  int32_t hold_s = 15;
  int32_t opens_s = 0;       ///< After the beginning; 0 = it has been open for an hour.
  int32_t closes_s = 0;      ///< After the beginning; 0 = never.
  int32_t cancel_keeps = 0;  ///< Percent of what is paid that a cancellation keeps.
  int32_t cancel_ends_s = 0; ///< After the beginning nothing paid is cancelled; 0 = never.
  bool faults = true;
  /// Only these kinds go wrong, and in every seed; none = those that the seed draws.
  std::vector<std::string> only_faults;
  bool fail_over = false; ///< The server may be replaced by one that lacks the last commits.
  bool moves = false;     ///< Shards are given from node to node.
  bool relay = false;     ///< Domain events are told, by relays to a broker or to sums.
  /// Pieces it is made of, by name (`workload_kinds`); none = the usual ones.
  std::vector<std::string> workloads;
  habits people_do;
  queue_plan queue;
  /// Has the piece of this name, which is none of the usual ones.
  [[nodiscard]] bool has(std::string_view piece) const;
};

/// Reads a plan; unknown fields and impossible numbers are errors, in one line.
tl::expected<sale_plan, std::string> parse_plan(const std::string& json_text);

/// How often each kind of fault has struck so far, in the order of `fault_kinds()`.
using fault_counts = std::vector<uint64_t>;

/// Which faults this run has and how often. Each is on in about half of the seeds, so that short
/// and many, long and few, and all alone occur (swarm testing).
struct fault_mix {
  // The wire between nodes (F1, F2, F4, F5, F6, F8).
  uint32_t drop_ppm = 0, duplicate_ppm = 0, slow_ppm = 0;
  millis wire_delay_max{2};
  uint32_t cut_ppm = 0;        ///< Per tick of 100 ms: a path is cut, both ways or one.
  uint32_t link_reset_ppm = 0; ///< F11, per frame: its link breaks, and may while it is made again.
  // F3, F7, F9 with F6.
  uint32_t old_frames_ppm = 0; ///< A frame of long ago comes once more.
  uint32_t path_capacity = 0;  ///< More frames at once are lost; 0 = no bound.
  uint32_t swizzle_ppm = 0;    ///< Per tick: paths stop one by one and go on in another order.
  // Processes (F14, F15, F16).
  uint32_t kill_ppm = 0, pause_ppm = 0;
  // F14 between commit and answer, F17, F18, F21.
  uint32_t commit_crash_ppm = 0;
  uint32_t slow_node_ppm = 0;  ///< Per tick: a node gets a fifth of its time for a while.
  uint32_t actor_dies_ppm = 0; ///< Per message of an entity: as by an exception.
  uint32_t ledger_bound = 0;   ///< Ops without outcome that a lane takes; 0 = as always.
  // Clocks (F22, F23, F24, F25).
  uint32_t skew_max_ms = 0;
  uint32_t jump_ppm = 0;
  uint32_t early_timers_ppm = 0; ///< F24, per tick: all timers that are due within seconds run out.
  // The database (F26, F27, F28, F29, F31).
  uint32_t lost_before_ppm = 0, lost_after_ppm = 0, lost_late_ppm = 0, contended_ppm = 0;
  uint32_t torn_ppm = 0; ///< F26: an error of SQL, so the batch is halved until it has no other.
  uint32_t away_ppm = 0; ///< Per tick: no connection for a while, of one node or of all.
  uint32_t read_fails_ppm = 0;
  uint32_t failover_ppm = 0; ///< F31, per tick; only of sales that ask for it.
  millis database_delay_max{3};
  // The provider (F46, F47).
  uint32_t bank_loses_ppm = 0, bank_slow_ppm = 0, bank_away_ppm = 0;
  millis bank_delay_max{30};
  // Of sales with a waiting room (F14 at its turns, F55 with F8).
  uint32_t turn_crash_ppm = 0; ///< Per turn: its node dies before or after the commit.
  uint32_t deaf_room_ppm = 0;  ///< Per tick: a room hears nothing of an ingress, which hears it.
  uint32_t moves_ppm = 0;      ///< Per tick: a shard is given away; only of sales that ask for it.
  /// F51, per tick: an operator drains a node, pins a shard, or has shards evened out, perhaps
  /// twice; of the same sales.
  uint32_t wishes_ppm = 0;
  /// F13, F20, per tick: a node is of the release before for a while, and does not know one of the
  /// messages.
  uint32_t older_ppm = 0;
  /// F52, per tick, of sales in which shards move: a node dies, and what is started in its place
  /// counts shards otherwise, again and again for a while.
  uint32_t odd_ppm = 0;
  // Of sales whose provider calls back (F46, F47).
  uint32_t callback_twice_ppm = 0;  ///< Per callback: it comes once more.
  uint32_t callback_late_ppm = 0;   ///< Per callback: it comes a minute later, behind others.
  uint32_t callback_forged_ppm = 0; ///< Per tick: somebody else sends one.
  uint32_t bank_late_ppm = 0;       ///< The money is taken when nobody waits for it any more.
  // Of sales whose domain events are told (F32, F33, F37, F38, F40, F41, F42).
  uint32_t early_number_ppm = 0;  ///< A batch's transaction has its number from long before.
  uint32_t long_writer_ppm = 0;   ///< Per tick: somebody else's transaction is open for a while.
  uint32_t broker_down_ppm = 0;   ///< Per tick.
  uint32_t broker_silent_ppm = 0; ///< Per hand-over: what is kept is not all acknowledged.
  uint32_t rebalance_ppm = 0;     ///< Per tick: partitions get other consumers.
  uint32_t mark_crash_ppm = 0;    ///< Per move of cursors: its node dies before or after it.
  uint32_t poison_ppm = 0;        ///< Per event: nobody can take it.

  fault_counts* struck = nullptr; ///< Where strikes are counted, if anywhere.

  /// The faults of a seed.
  static fault_mix draw(uint64_t seed);
  /// Draws whether a fault strikes now, and counts it when it does.
  bool strikes(uint32_t fault_mix::*rate, dice& d) const {
    if (!d.chance(this->*rate)) return false;
    note(rate);
    return true;
  }
  void note(uint32_t fault_mix::*rate) const;
  /// Nothing goes wrong.
  [[nodiscard]] bool none() const;
  /// Leaves these kinds, and has all of them on.
  void keep_only(const std::vector<std::string>& names);
  /// Nothing goes wrong but that shards move, as operators wish, too: it must cost nobody an
  /// answer.
  [[nodiscard]] bool only_moves() const;
  /// Switches a kind off; false when there is none of this name.
  bool leave_out(std::string_view name);
  /// Leaves two kinds at most: few faults, so that what happens can still be told.
  void thin_out(uint64_t seed);
  /// Short names of those that are on, for the report.
  [[nodiscard]] std::string names() const;
};

/// A kind of fault: its name in reports and on the command line, and where its rate stands.
struct fault_kind {
  const char* name;
  uint32_t fault_mix::*rate;
};
/// All of them. A fault that is not listed cannot be left out, counted or named.
std::span<const fault_kind> fault_kinds();

} // namespace tk::sim
