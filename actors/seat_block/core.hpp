#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "actors/seat_block/core_quota.hpp"
#include "actors/seat_block/messages.hpp"

namespace tk {

/// Where a seat stands, as clients see it.
enum class seat_state : uint8_t { available = 0, locked = 1, reserved = 2 };

/// A seat's row, as the block keeps it and as the ledger told it.
struct seat_facts {
  seat_id seat;
  int32_t version = 0;
  int64_t fence = 0;
  seat_state state = seat_state::available;
  reservation_id holder; ///< Nil when available.
  won price;
};

/// What a block knows of a reservation that holds some of its items.
struct hold_record {
  reservation_id id;
  user_id user;
  std::string number;
  won total;
  instant expires_at;
  bool led = false;             ///< This block is its home: it alone ends it.
  bool pinned = false;          ///< A payment is undecided: time does not end it.
  bool releasing = false;       ///< A release is on its way to the ledger.
  std::vector<held_item> items; ///< Led: all of them, of every block. Else: those of this block.
  instant due; ///< When to look at it next: its expiry, or later when that was put off.
};

/// A tentative taking of items, in memory only.
struct claim_record {
  reservation_id id;
  std::vector<held_item> items; ///< Of this block; versions before, fences after the change.
  instant until;                ///< No op of it can be judged `ok` after this.
  bool unsettled = false;       ///< Its op's outcome is unknown: only a final re-read ends it.
  instant due;                  ///< When to look at it next.
};

/// What to do about a wish to hold items.
struct hold_decision {
  enum class kind : uint8_t {
    claim,      ///< Free: take `items`.
    replay,     ///< The caller holds exactly that already: `existing`.
    free_first, ///< A hold that ran out stands in the way: release `existing`, decide again.
    refuse      ///< `why`, `refused`, `retry_after_ms`.
  };
  kind is = kind::refuse;
  ec why = ec::ok;
  reservation_id existing;
  std::vector<held_item> items;
  std::vector<wanted_item> refused;
  int64_t retry_after_ms = 0;
};

/// The rules of a block: pure, no actor, clock or I/O. `decide_*` are const and total, `apply_*`
/// cannot fail. What it sells is either seats, in one flat vector sorted by id, or a quota; claims,
/// holds and their ends are the same for both.
class seat_block_core {
public:
  seat_block_core(int32_t block_no, std::vector<seat_facts> seats);
  seat_block_core(int32_t block_no, const quota_facts& facts);

  /// The lead block's view of a wish: judges the items of this block only.
  [[nodiscard]] hold_decision decide_hold(const hold_items& wish, instant now) const;
  /// A satellite's view of a claim.
  [[nodiscard]] hold_decision decide_claim(const claim_items& wish, instant now) const;

  /// Takes the decided items tentatively: from here on nobody else can win them.
  void apply_claim(reservation_id id, std::vector<held_item> items, instant until);
  /// Gives a claim's items back; an unknown claim is no error (it was settled already).
  void drop_claim(reservation_id id);
  /// Keeps a claim beyond its answer: its op's outcome is unknown.
  void mark_unsettled(reservation_id id);

  /// A reservation that is committed and pending. Seats are applied by version.
  void apply_hold(hold_record record);
  /// A reservation that ended: its items, as they are now, are available.
  void apply_release(reservation_id id, std::span<const held_item> items);
  /// A reservation that was paid: its items, as they are now, are sold. Of a quota what a hold or
  /// claim of that id took is sold; of an id that is not known nothing more is.
  void apply_sale(reservation_id id, std::span<const held_item> items);
  /// What was sold is given back: its items, as they are now, are available.
  void apply_return(std::span<const held_item> items);
  /// A row that was read under its lock, or told by `settle`; older versions are ignored.
  void apply_row(const seat_facts& row);
  /// A ticket type's row that was read under its lock.
  void apply_quota_row(int32_t available, int32_t total);
  /// Forgets a reservation that is no longer pending (rows tell what became of its seats).
  void forget(reservation_id id);

  void set_pinned(reservation_id id, bool pinned);
  void set_releasing(reservation_id id, bool releasing);
  void set_expiry(reservation_id id, instant expires_at);
  /// Looks at a hold or claim again at `when`, not before: something is being done about it.
  void postpone(reservation_id id, instant when);

  [[nodiscard]] const hold_record* find_hold(reservation_id id) const;
  [[nodiscard]] const claim_record* find_claim(reservation_id id) const;
  [[nodiscard]] const seat_facts* find_seat(seat_id id) const;

  /// Led, unpinned holds that ran out and are not being released yet.
  [[nodiscard]] std::vector<reservation_id> overdue(instant now) const;
  /// Claims past their end, holds led elsewhere that ran out, pinned or not, and pinned ones that
  /// were postponed until now: what memory cannot tell any more.
  [[nodiscard]] std::vector<reservation_id> doubtful(instant now) const;
  /// When to look again; nullopt when nothing ends by time.
  [[nodiscard]] std::optional<instant> next_due() const;

  /// Nothing held, claimed or pending: the rows say everything.
  [[nodiscard]] bool idle() const { return holds_.empty() && claims_.empty(); }
  /// Somebody may still submit an op with one of the claims.
  [[nodiscard]] bool has_live_claims() const;
  [[nodiscard]] std::span<const seat_facts> seats() const { return seats_; }
  /// Whether anything of it is sold, as far as it knows.
  [[nodiscard]] bool has_sold() const {
    return quota_ ? quota_->facts().unsold < quota_->facts().total : sold_ > 0;
  }
  /// What a client sees of seat `i`: a hold that ran out is shown as available (P-44).
  [[nodiscard]] seat_state shown(size_t i, instant now) const;
  /// Null in a block of seats.
  [[nodiscard]] const quota* find_quota() const { return quota_ ? &*quota_ : nullptr; }
  /// What a client sees of a quota: holds that ran out are shown as available (P-44).
  [[nodiscard]] int32_t shown_quantity(instant now) const;
  [[nodiscard]] size_t hold_count() const { return holds_.size(); }
  [[nodiscard]] int32_t block_no() const { return block_no_; }

private:
  struct judged {
    ec why = ec::ok;
    reservation_id in_the_way;
    int64_t retry_after_ms = 0;
  };
  [[nodiscard]] judged judge(const seat_facts& seat, reservation_id id, instant now) const;
  [[nodiscard]] hold_decision judge_all(std::span<const wanted_item> items, reservation_id id,
                                        instant now) const;
  [[nodiscard]] hold_decision judge_quota(std::span<const wanted_item> items, instant now) const;
  [[nodiscard]] std::optional<reservation_id> held_by_caller(const hold_items& wish,
                                                             instant now) const;
  seat_facts* seat_at(seat_id id);
  void schedule(hold_record& hold, instant when);
  void schedule_end(hold_record& hold);
  [[nodiscard]] size_t index_of(seat_id id) const;

  int32_t block_no_;
  std::vector<seat_facts> seats_;
  size_t sold_ = 0;                       ///< Of `seats_`.
  std::vector<reservation_id> claimants_; ///< Beside `seats_`; nil = no claim.
  std::optional<quota> quota_;
  std::map<reservation_id, hold_record> holds_;
  std::map<reservation_id, claim_record> claims_;
  std::set<std::pair<instant, reservation_id>> due_;
};

} // namespace tk
