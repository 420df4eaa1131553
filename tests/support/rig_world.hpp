#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "actors/base/entropy.hpp"
#include "persistence/ledger/messages.hpp"
#include "persistence/reads/messages.hpp"

/// Rows in memory for actor tests: judged one op at a time, as the ledger's statements would. What
/// the statements do in every corner is the business of the ledger's contract suite, not of this.
namespace tk::rig {

/// Stands still unless told.
struct manual_clock : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

struct seeded_entropy : entropy {
  explicit seeded_entropy(uint64_t seed) : engine(seed) {
    // nop
  }
  std::mt19937_64 engine;
  uint64_t next() override { return engine(); }
};

/// Ids that are easy to read in a failed check.
inline user_id user_no(uint64_t n) { return {0xa, n}; }
inline event_id event_no(uint64_t n) { return {0xe, n}; }
/// Seats of block b are numbered from 1.
inline seat_id seat_no(int32_t block, uint64_t n) {
  return {0x5ea7, static_cast<uint64_t>(block) * 1000 + n};
}

/// The quota of block `first_quota_block + n`.
inline ticket_type_id type_no(int32_t n) { return {0x7e, static_cast<uint64_t>(n) + 1}; }

struct world {
  struct type_entry {
    event_id event;
    int32_t block_no = 0;
    quota_row row;
  };
  std::map<ticket_type_id, type_entry> types;
  struct seat_entry {
    event_id event;
    int32_t block_no = 0;
    won price;
    seat_row row;
  };
  std::map<seat_id, seat_entry> seats;
  std::map<reservation_id, reservation_row> reservations;
  std::map<event_id, event_row> events;
  std::map<user_id, instant> users;   ///< With `revoked_before`.
  std::map<uint16_t, int64_t> epochs; ///< Those that are not 1.
  int ends = 0;                       ///< Releases that were applied.

  void add_event(event_id id, int32_t blocks, int seats_per_block, instant now) {
    event_row x;
    x.id = id;
    x.known = true;
    x.sale_start = now - millis{3'600'000};
    x.sale_end = instant::max();
    x.event_date = now + millis{86'400'000};
    for (int32_t b = 0; b < blocks; ++b) {
      x.blocks.push_back(b);
      for (int n = 1; n <= seats_per_block; ++n) {
        auto key = seat_no(b, static_cast<uint64_t>(n));
        seats[key] = {id, b, won{50'000 + n}, {}};
        seats[key].row.seat = key;
      }
    }
    events[id] = x;
  }

  /// Adds the next quota of an event; its block's number is `first_quota_block` plus how many there
  /// are.
  void add_type(event_id id, int32_t quantity) {
    auto n = static_cast<int32_t>(types.size());
    auto block_no = first_quota_block + n;
    types[type_no(n)] = {id, block_no, {type_no(n), won{1000 * (n + 1)}, quantity, quantity}};
    events.at(id).blocks.push_back(block_no);
  }

  [[nodiscard]] int64_t epoch_of(uint16_t shard) const {
    auto i = epochs.find(shard);
    return i == epochs.end() ? 1 : i->second;
  }
  [[nodiscard]] bool current(const participant& x) const { return x.epoch == epoch_of(x.shard); }

  // -- judging ----------------------------------------------------------------------------------

  verdict judge(const op& what, instant now) {
    auto out = std::visit([&](auto& x) { return apply(x, now); }, what);
    auto rotated = std::get_if<rotate_token>(&what);
    out.at = rotated ? users[rotated->user] : now;
    return out;
  }

  /// Money is tested over the ledger's model.
  template <class Op> verdict apply(const Op&, instant) { return {}; }

  verdict apply(const create_reservation& x, instant now) {
    verdict out;
    for (auto& [id, row] : reservations) {
      bool same_key =
        !x.key.empty() && row.user == x.user && row.operation == x.operation && row.key == x.key;
      if (id != x.id && !same_key) continue;
      out.is = id == x.id || row.digest == x.digest ? outcome::replayed : outcome::conflict;
      out.replay_of = id;
      return out;
    }
    bool fenced = !current(x.session) || !current(x.event_owner);
    for (auto& item : x.items) fenced |= !current(item.block);
    auto& event = events.at(x.event);
    if (fenced) out.is = outcome::fenced;
    else if (now > x.deadline) out.is = outcome::late;
    else if (event.cancelled || now < event.sale_start || now > event.sale_end)
      out.is = outcome::closed;
    else if (auto why = judge_user(x, now); why != outcome::ok) out.is = why;
    else if (!std::ranges::all_of(x.items, [&](auto& i) { return is_free(i); }))
      out.is = outcome::moved;
    else if (!std::ranges::all_of(x.items, [&](auto& i) { return is_enough(i); }))
      out.is = outcome::sold_out;
    else out = write(x, now);
    return out;
  }

  /// Of a user whom the session has not read.
  [[nodiscard]] outcome judge_user(const create_reservation& x, instant now) const {
    if (x.token_issued_at == instant{}) return outcome::ok;
    auto user = users.find(x.user);
    if (user == users.end() || x.token_issued_at <= user->second) return outcome::revoked;
    int32_t held = 0;
    for (auto& [id, row] : reservations)
      if (row.user == x.user && row.event == x.event && row.expires_at > now &&
          row.status == reservation_status::pending)
        held += holds_in(row.items);
    return held > x.holds_before_max ? outcome::over_limit : outcome::ok;
  }

  [[nodiscard]] bool is_enough(const create_item& x) const {
    return x.type.nil() || types.at(x.type).row.available >= x.quantity;
  }

  [[nodiscard]] bool is_free(const create_item& x) const {
    if (x.seat.nil()) return true;
    auto& row = seats.at(x.seat).row;
    return row.status == 'a' && row.version == x.version && row.fence < x.fence;
  }

  verdict write(const create_reservation& x, instant now) {
    reservation_row row{x.id,
                        x.user,
                        x.event,
                        x.number,
                        x.total,
                        reservation_status::pending,
                        false,
                        now + std::chrono::seconds{x.ttl_s},
                        x.items.front().block_no,
                        x.operation,
                        x.key,
                        x.digest,
                        {}};
    for (auto& item : x.items) {
      row.items.push_back({item.seat, item.block_no, 0, 0, item.price, item.type, item.quantity});
      if (item.seat.nil()) {
        types.at(item.type).row.available -= item.quantity;
        continue;
      }
      auto& seat = seats.at(item.seat);
      seat.row = {item.seat, item.version + 1, item.fence,     'l',
                  x.id,      x.user,           row.expires_at, false};
    }
    verdict out;
    out.is = outcome::ok;
    out.expires_at = row.expires_at;
    reservations[x.id] = std::move(row);
    return out;
  }

  verdict apply(const release_reservation& x, instant now) {
    verdict out;
    auto i = reservations.find(x.id);
    auto wanted = x.reason == release_reason::expired ? reservation_status::expired
                                                      : reservation_status::cancelled;
    bool fenced = !std::ranges::all_of(x.items, [&](auto& item) { return current(item.block); });
    if (fenced) out.is = outcome::fenced;
    else if (i == reservations.end()) out.is = outcome::not_pending;
    else if (i->second.status != reservation_status::pending)
      out.is = i->second.status == wanted ? outcome::done : outcome::not_pending;
    else if (i->second.pinned) out.is = outcome::pinned;
    else if (wanted == reservation_status::expired && now < i->second.expires_at)
      out.is = outcome::early;
    else if (!same_items(i->second, x)) out.is = outcome::partial;
    else out.is = outcome::ok;
    if (i != reservations.end()) out.expires_at = i->second.expires_at;
    if (out.is == outcome::ok) end(i->second, wanted);
    return out;
  }

  static bool same_items(const reservation_row& row, const release_reservation& x) {
    return row.items.size() == x.items.size() && std::ranges::all_of(row.items, [&](auto& a) {
             return std::ranges::any_of(x.items, [&](auto& b) {
               return a.seat == b.seat && a.type == b.type && a.quantity == b.quantity;
             });
           });
  }

  /// Gives the items of a reservation back. Tests call it for what happens behind the actors'
  /// backs.
  void end(reservation_row& row, reservation_status status) {
    row.status = status;
    ++ends;
    for (auto& item : row.items) {
      if (!item.is_seat()) {
        types.at(item.type).row.available += item.quantity;
        continue;
      }
      auto& seat = seats.at(item.seat).row;
      seat.version += 1;
      seat.status = 'a';
      seat.reservation = {};
      seat.holder = {};
    }
  }

  /// Sold, as a committed payment leaves it.
  void confirm(reservation_id id) {
    auto& row = reservations.at(id);
    row.status = reservation_status::confirmed;
    for (auto& item : row.items) {
      if (!item.is_seat()) continue;
      auto& seat = seats.at(item.seat).row;
      seat.version += 1;
      seat.status = 'r';
    }
  }

  verdict apply(const reread_items& x, instant now) {
    verdict out;
    out.is = outcome::ok;
    out.final_read = now > x.deadline;
    auto ids = x.seats;
    std::ranges::sort(ids);
    for (auto& seat : ids)
      if (auto i = seats.find(seat); i != seats.end()) out.rows.push_back(i->second.row);
    for (auto& type : x.types)
      if (auto i = types.find(type); i != types.end())
        out.types.push_back({type, i->second.row.available, i->second.row.total});
    return out;
  }

  verdict apply(const open_family& x, instant) {
    verdict out;
    out.is = current(x.session) ? outcome::ok : outcome::fenced;
    return out;
  }

  verdict apply(const rotate_token& x, instant) {
    verdict out;
    out.is = current(x.session) ? outcome::ok : outcome::fenced;
    return out;
  }

  verdict apply(const revoke_tokens& x, instant now) {
    verdict out;
    out.is = current(x.session) ? outcome::ok : outcome::fenced;
    if (out.is == outcome::ok) users[x.user] = std::max(users[x.user], now);
    return out;
  }

  // -- reading ----------------------------------------------------------------------------------

  [[nodiscard]] reservation_row with_seats(reservation_row row) const {
    for (auto& item : row.items) {
      if (!item.is_seat()) continue;
      auto& seat = seats.at(item.seat).row;
      item.version = seat.version;
      item.fence = seat.fence;
    }
    return row;
  }

  [[nodiscard]] session_rows read(const load_session& x) const {
    session_rows out;
    auto i = users.find(x.user);
    out.user_known = i != users.end();
    out.revoked_before = i == users.end() ? instant{} : i->second;
    for (auto& [id, row] : reservations) {
      if (row.user != x.user) continue;
      if (row.status == reservation_status::pending) out.pending.push_back(with_seats(row));
      if (!row.key.empty()) out.keys.push_back({row.operation, row.key, row.digest, id});
    }
    return out;
  }

  [[nodiscard]] block_rows read(const load_block& x) const {
    block_rows out;
    for (auto& [id, type] : types)
      if (type.event == x.event && type.block_no == x.block_no) out.quota = type.row;
    for (auto& [id, seat] : seats)
      if (seat.event == x.event && seat.block_no == x.block_no)
        out.seats.push_back({seat.row, seat.price});
    for (auto& [id, row] : reservations) {
      if (row.event != x.event || row.status != reservation_status::pending) continue;
      auto has_part = [&](auto& y) { return !y.is_seat() && y.type == out.quota.type; };
      if (row.lead_block == x.block_no) out.led.push_back(with_seats(row));
      else if (std::ranges::any_of(row.items, has_part)) out.foreign.push_back(with_seats(row));
    }
    out.known = !out.seats.empty() || !out.quota.type.nil();
    return out;
  }

  [[nodiscard]] event_row read(const load_event& x) const {
    auto i = events.find(x.event);
    return i == events.end() ? event_row{} : i->second;
  }

  [[nodiscard]] found_reservation read(const load_reservation& x) const {
    auto i = reservations.find(x.id);
    if (i == reservations.end()) return {};
    return {true, with_seats(i->second)};
  }
};

} // namespace tk::rig
