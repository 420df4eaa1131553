#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/event/messages.hpp"
#include "actors/session/messages.hpp"

namespace tk {

/// A pending reservation, as its user's session remembers it.
struct pending_hold {
  reservation_id id;
  event_id event;
  instant expires_at;
  int32_t lead_block = 0;
  std::vector<seat_id> seats; ///< None of standing tickets.
};

/// A creation whose outcome the session does not know yet.
struct open_attempt {
  reservation_id id;
  event_id event;
  std::string operation, key, digest;
  instant deadline;            ///< The ledger commits nothing of it after this.
  std::vector<seat_id> wanted; ///< In order of id; none of standing tickets.
};

/// The seats of a wish, in order of id; none when it is for standing tickets.
std::vector<seat_id> seats_of(const reserve_items& wish);

/// The scope of a wish's idempotency key.
const char* operation_of(const reserve_items& wish);

/// What a key was used for: the reservation row is the record (H-22c).
struct key_record {
  std::string operation, key, digest;
  reservation_id reservation;
};

struct reserve_decision {
  enum class kind : uint8_t {
    forward, ///< New: ask the lead block.
    unread,  ///< Ask the lead block, and let the ledger judge what the rows would say.
    join,    ///< The same key, or the same seats, are being decided: wait for the same outcome.
    replay,  ///< Recorded before: tell what became of `reservation`.
    recheck, ///< The memory is not enough, or says no: read, then decide with `final_say`.
    refuse   ///< `why`.
  };
  kind is = kind::refuse;
  ec why = ec::ok;
  reservation_id reservation; ///< Of join and replay.
  bool by_seats = false;      ///< Joined as a double click, with another key or none.
};

/// The rules of a session: pure. It starts without its rows, because most buyers of an on-sale come
/// once: a lone wish goes ahead and the ledger judges token, key and limit. Only a yes of it is
/// final; before any no the rows are read (H-17). A memory may say yes, subject to the ledger.
class session_core {
public:
  /// Tokens issued up to the last revocation are worthless (C1, C32).
  [[nodiscard]] bool accepts(instant token_issued_at) const {
    return user_known_ && token_issued_at > revoked_before_;
  }

  /// `limit`: holds per event, 0 = none. `final_say`: the memory was re-read just now.
  [[nodiscard]] reserve_decision decide(const reserve_items& wish, int32_t limit, instant now,
                                        bool final_say) const;

  /// False only when the board says with certainty that no sale is open: the margin leaves what is
  /// near an edge to the ledger's own clock (H-18).
  [[nodiscard]] static bool sale_may_be_open(const sale_window& sale, instant now);

  /// The live reservation of the user that holds all the seats wished for; null when there is none
  /// (G14: choosing one's own seats again).
  [[nodiscard]] const pending_hold* own_hold(const reserve_items& wish, instant now) const;

  /// The live reservation of the user that holds one of `seats`; null when there is none.
  [[nodiscard]] const pending_hold* holder_of(const std::vector<wanted_item>& items,
                                              instant now) const;

  void begin(open_attempt attempt);
  /// The attempt's reservation is committed: remember it, and its key.
  void commit(reservation_id attempt, pending_hold made);
  /// The wish was answered with a reservation that another wish made (G14, a double click): its
  /// key is used from now on. Forgotten with the session, unlike keys that rows record.
  void remember_key(const reserve_items& wish, reservation_id answer);
  /// The attempt certainly did nothing.
  void drop(reservation_id attempt);
  void forget(reservation_id pending);
  void revoke(instant at);
  /// The rows may say more than the memory: as if they had never been read.
  void doubt() { read_ = false; }
  /// Fresh rows: what was pending is replaced; attempts stay.
  void reload(bool user_known, instant revoked_before, std::vector<pending_hold> pending,
              std::vector<key_record> keys);

  /// The rows have been read. Until then `accepts` accepts nothing.
  [[nodiscard]] bool read() const { return read_; }
  [[nodiscard]] const open_attempt* find_attempt(reservation_id id) const;
  [[nodiscard]] const pending_hold* find_pending(reservation_id id) const;
  [[nodiscard]] bool idle() const { return attempts_.empty(); }
  /// Rises with every `commit`: rows read before one are older than the memory.
  [[nodiscard]] uint64_t commits() const { return commits_; }

  /// What counts against the limit once `wish` is granted, beside attempts in flight and pending
  /// ones with time ahead: each seat once, however often it is asked for (G01), and each order of
  /// standing tickets (D18).
  [[nodiscard]] int32_t holds_with(const reserve_items& wish, instant now) const;

  /// The wish's key is on record for another payload.
  [[nodiscard]] bool key_conflicts(const reserve_items& wish) const;

private:
  [[nodiscard]] std::optional<reserve_decision> by_key(const reserve_items& wish) const;
  /// The attempt in flight for the very same seats, whatever its key.
  [[nodiscard]] const open_attempt* twin_of(const reserve_items& wish) const;

  bool read_ = false;
  bool user_known_ = false;
  instant revoked_before_;
  std::map<reservation_id, pending_hold> pending_;
  std::map<reservation_id, open_attempt> attempts_;
  std::vector<key_record> keys_;
  /// Of wishes that made nothing: no row records them. A deque would take half a kilobyte empty.
  std::vector<key_record> remembered_;
  uint64_t commits_ = 0;
};

/// The scope of the idempotency keys of `POST /api/seats/reserve`.
inline constexpr char reserve_operation[] = "seats.reserve";
/// The scope of the idempotency keys of `POST /api/reservations`.
inline constexpr char order_operation[] = "reservations.create";

} // namespace tk
