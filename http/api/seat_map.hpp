#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "http/api/cache_probe.hpp"
#include "persistence/reads/messages.hpp"
#include "supervisors/boards.hpp"

namespace tk::http {

using body_ptr = std::shared_ptr<const std::string>;

/// The gzipped form of a body that will be sent often; null when there is no memory for it.
body_ptr packed(const std::string& body);

/// The seat plan of one event at the ingress: what never changes, rendered once, so that a seat map
/// is a copy of fragments with the statuses of the boards in between.
class seat_plan {
public:
  explicit seat_plan(const plan_rows& rows);

  struct place {
    int32_t block_no = 0;
    uint32_t row = 0; ///< Index in the list, by section, row and number.
  };
  /// Where a seat is; nullptr when the event has no such seat.
  [[nodiscard]] const place* find(seat_id seat) const;
  [[nodiscard]] std::string label(seat_id seat) const;
  [[nodiscard]] std::vector<int32_t> blocks() const;
  /// Whether there is a board of every block and every standing type.
  [[nodiscard]] bool shown_by(const board_store& boards) const;
  [[nodiscard]] size_t size() const { return ids_.size(); }

  /// The body of `GET /api/seats/events/{id}`; a block without a board shows its seats as taken,
  /// because nobody may be offered what nobody answers for.
  [[nodiscard]] std::string render(const board_store& boards) const { return rotated(boards, 0); }
  /// The same with the list of each section begun at a seat that `turn` chooses (D31); 0 changes
  /// nothing.
  [[nodiscard]] std::string rotated(const board_store& boards, uint64_t turn) const;

  /// The status of each seat of the list, as `append_seat` takes it.
  [[nodiscard]] std::vector<uint8_t> statuses(const board_store& boards) const;
  /// A seat as the map shows it.
  void append_seat(std::string& out, size_t row, unsigned status) const;
  /// Its id and status alone.
  void append_change(std::string& out, size_t row, unsigned status) const;
  /// Whether the list is the same, in all but the statuses.
  [[nodiscard]] bool same_list(const seat_plan& x) const;

  /// By price descending, then id.
  [[nodiscard]] std::span<const plan_type> types() const { return types_; }
  [[nodiscard]] const plan_type* find_type(ticket_type_id type) const;
  [[nodiscard]] const std::string& title() const { return title_; }

private:
  struct entry {
    uint32_t fragment_end = 0; ///< In `fragments_`; it begins where the one before ends.
    uint32_t block = 0;        ///< Index into `blocks_`.
    uint32_t position = 0;     ///< In the block's board.
  };
  event_id event_;
  std::string title_;
  std::vector<plan_type> types_;
  std::string head_;
  std::string fragments_;
  [[nodiscard]] std::vector<seat_board_ptr> current_boards(const board_store& boards) const;
  [[nodiscard]] unsigned status_of(size_t row, const std::vector<seat_board_ptr>& current) const;
  [[nodiscard]] std::string_view fragment(size_t row) const;

  std::vector<entry> entries_;
  std::vector<uint32_t> section_ends_; ///< In `entries_`.
  std::vector<int32_t> blocks_;
  std::vector<seat_id> ids_; ///< Sorted; `places_` beside it.
  std::vector<place> places_;
  std::vector<std::string> labels_; ///< By list index.
};
using seat_plan_ptr = std::shared_ptr<const seat_plan>;

/// Rendered seat maps, at most `max_age` behind the boards. Safe from any thread.
class seat_maps {
public:
  explicit seat_maps(const board_store& boards) : boards_(boards) {
    // nop
  }

  struct rendered {
    body_ptr plain, gzip;
  };

  /// `read_at`: its rows are not older than this.
  void put(event_id event, seat_plan_ptr plan, instant read_at);
  [[nodiscard]] seat_plan_ptr plan(event_id event) const;
  /// Whether the event's plan was read at `since` or later.
  [[nodiscard]] bool read_since(event_id event, instant since) const;
  /// The map if it is current enough to be shown as it is; empty pointers when `render` is due.
  [[nodiscard]] rendered current(event_id event, instant now) const;
  /// Renders the map anew when it is not current; needs the plan. One caller renders, the others
  /// get the map before it when that is not older than the contract's second.
  rendered render(event_id event, instant now);

  [[nodiscard]] const cache_probe& probe() const { return probe_; }

  /// A map younger than this is shown even if a seat has changed since.
  static constexpr millis fresh_for{300};
  /// No map older than this is shown when a seat has changed since (contract 2.4).
  static constexpr millis oldest{900};

private:
  struct slot {
    seat_plan_ptr plan;
    instant read_at;
    uint64_t version = 0;
    instant made_at;
    rendered bodies;
    mutable std::mutex mutex; ///< Of the three members above; held for an instant.
    std::mutex rendering;     ///< Held by the one who renders.
  };
  static rendered shown(const slot& x, uint64_t version, instant now, millis age_max);
  [[nodiscard]] std::shared_ptr<slot> find(event_id event) const;

  const board_store& boards_;
  mutable cache_probe probe_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<event_id, std::shared_ptr<slot>, id_hash> slots_;
};

} // namespace tk::http
