#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include <caf/all.hpp>

#include "actors/seat_block/core.hpp"
#include "actors/seat_block/port.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/mailbox.hpp"
#include "supervisors/node_context.hpp"

/// Private to the seat block's shell: its state, shared by the files that implement its clauses.
namespace tk::seat_block {

/// An op whose verdict has not been heard yet.
struct open_op {
  instant until; ///< After this it counts as unknown.
  std::function<void(const verdict&)> on_verdict;
  bool answered = false;
};

struct state {
  static inline const char* name = "tk.seat-block";
  node_context* node = nullptr;
  event_id event;
  participant address;
  std::unique_ptr<seat_block_core> core;
  uint64_t board_version = 0;
  instant board_at;
  bool board_scheduled = false;
  std::optional<instant> timer_at; ///< The earliest timer on its way, if any.
  uint64_t timer_no = 0; ///< Of that timer; an older one changes nothing when it runs out.
  int open_requests = 0; ///< No passivation meanwhile.
  std::deque<std::shared_ptr<open_op>> open_ops; ///< In order of `until`.
  /// Further cancels of a hold whose release is on its way hear what became of it.
  std::map<reservation_id, std::vector<std::function<void(ec)>>> release_waiting;
  std::set<reservation_id> to_relook;     ///< Could not be looked up; the next tick tries again.
  std::optional<instant> look_at_sold_at; ///< When the rows of what is sold are read again.
  ~state() {
    if (node) node->probe.blocks_active--;
  }
  [[nodiscard]] instant now() const { return node->clock->now(); }
};

using self_actor =
  seat_block_actor::extend<caf::reacts_to<atom::tick, uint64_t>, caf::reacts_to<atom::publish>,
                           caf::replies_to<count_mailbox>::with<mailbox_counted>,
                           caf::replies_to<hold_items, trace_context>::with<hold_reply>,
                           caf::replies_to<claim_items, trace_context>::with<claim_reply>,
                           caf::replies_to<pin_hold, trace_context>::with<hold_changed>,
                           caf::replies_to<sell_hold, trace_context>::with<hold_changed>>;
using pointer = self_actor::stateful_pointer<state>;

// Budgets nest: block 4 s > claim 3 s > ledger 1.5 s (architecture 10).
inline constexpr millis claim_budget{3000};
inline constexpr millis verdict_budget{3000};
inline constexpr millis ledger_budget{1500};
inline constexpr millis reads_budget{2000};
/// How soon what could not be settled is tried again.
inline constexpr millis again_after{500};
/// A hold led elsewhere, past its end and pinned: its lead block tells what became of it, and
/// should that be lost, this is how long the block believes in the pin before it reads the rows.
inline constexpr millis pinned_again_after{15'000};
/// What is sold has no end that anybody waits for: should it be heard of no more that a sale was
/// taken back, this is how long its seats stay refused.
inline constexpr millis sold_again_after{60'000};
/// A block tells its board at most four times a second (H-27).
inline constexpr millis board_interval{250};

/// After every change: tells the board (rate-limited) and arms the timer for what ends next.
void changed(pointer self);
/// The owner of an item as an op names it. This block's is the one that started it, whatever has
/// become of the shard since: what it remembers is of that epoch.
participant owner_of(const state& st, const held_item& x);
/// Arms the timer for `when` unless an earlier one is on its way.
void arm(pointer self, instant when);

/// Submits an op to the ledger. `on_verdict` hears `unknown` for whatever went wrong, also when the
/// ledger takes longer than `verdict_budget`. It is called once. In a trace it is a span.
void submit_op(pointer self, op what, instant deadline,
               std::function<void(const verdict&)> on_verdict, const trace_context& trace = {});
/// Answers `unknown` for ops that wait too long; part of every tick.
void give_up_late_ops(pointer self);

// -- holding.cpp --------------------------------------------------------------------------------
caf::result<hold_reply> on_hold(pointer self, const hold_items& wish,
                                const trace_context& trace = {});
caf::result<claim_reply> on_claim(pointer self, const claim_items& wish,
                                  const trace_context& trace = {});

// -- settling.cpp -------------------------------------------------------------------------------
void on_abandon(pointer self, const abandon_claim& cmd);
void on_settle(pointer self, const settle_items& cmd);
/// Reads what `items` are of under the row locks and believes the rows; `done(bool final)` comes
/// after. Of items of other blocks nothing is read.
void reread(pointer self, std::span<const held_item> items, instant deadline,
            std::function<void(bool)> done);
/// Makes the memory of a reservation what its rows say.
void relook(pointer self, reservation_id id);
/// Reads the rows of what the memory calls sold, when it is time to.
void look_at_sold(pointer self);

// -- releasing.cpp ------------------------------------------------------------------------------
caf::result<release_reply> on_release(pointer self, const release_hold& cmd);
caf::result<block_awake> on_wake(pointer self, const wake_block& cmd);
void on_tick(pointer self);
/// Ends a led hold; `done(ec)` hears ok when its items are free.
void release(pointer self, const hold_record& hold, release_reason reason, user_id actor,
             request_id request, std::function<void(ec)> done);
void answer_waiting(pointer self, reservation_id id, release_reason reason, ec first);
/// Tells the other blocks of a reservation what became of their items.
void tell_satellites(pointer self, const hold_record& hold, bool held);

// -- selling.cpp --------------------------------------------------------------------------------
caf::result<hold_changed> on_pin(pointer self, const pin_hold& cmd,
                                 const trace_context& trace = {});
caf::result<hold_changed> on_sell(pointer self, const sell_hold& cmd,
                                  const trace_context& trace = {});
caf::result<hold_changed> on_unpin(pointer self, const unpin_hold& cmd);
caf::result<hold_changed> on_cancel_sold(pointer self, const cancel_sold& cmd);
caf::result<hold_changed> on_return_sold(pointer self, const return_sold& cmd);
void on_settle_sale(pointer self, const settle_sale& cmd);

hold_record record_of(const reservation_row& row, int32_t block_no);

// -- noting.cpp: what leaves no row behind, for operators who ask why -----------------------------
/// The items of this block were taken tentatively.
void note_claim(const state& st, const hold_items& wish, std::span<const held_item> items);
void note_claim(const state& st, const claim_items& wish, std::span<const held_item> items);
/// The claim of `id`, if there still is one, ends without a hold.
void note_given_up(const state& st, reservation_id id);
/// The wish failed for the items in `refused`; for all of its own when that is empty. Those of
/// other blocks are theirs to note.
void note_refusal(const state& st, const hold_items& wish, ec why,
                  std::span<const wanted_item> refused);
void note_refusal(const state& st, const claim_items& wish, ec why,
                  std::span<const wanted_item> refused);
/// The end of a hold that was refused without asking the ledger.
void note_refusal(const state& st, const release_hold& cmd, ec why);
/// What the ledger said of an op, unless it was done.
void note_verdict(const state& st, const op& what, outcome is);

} // namespace tk::seat_block
