#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

namespace tk {

/// What a brake stops (G17): new holds, new payments, admission by waiting rooms, or all of it.
/// What runs already goes on to its end.
enum class brake_on : uint8_t { all = 1, queue, holds, payments };
std::string_view to_string(brake_on x);
std::optional<brake_on> parse_brake(std::string_view text);

using brake_id = id<struct brake_tag>;

/// A brake that is on.
struct sales_brake {
  brake_id id; ///< Of the operation that set it.
  brake_on what = brake_on::all;
  event_id event;     ///< Nil: every event.
  std::string method; ///< Of payment; empty: every one.
  std::string reason; ///< Told to buyers.
  std::string by;
  instant since;
  bool operator==(const sales_brake&) const = default;
};

/// The brakes that are on, as this node knows them. Asked from any thread; whoever hears of them
/// writes. An older look never replaces a newer one.
class brake_list {
public:
  using rows_ptr = std::shared_ptr<const std::vector<sales_brake>>;

  void take(std::vector<sales_brake> rows, instant as_of);
  /// The brake that stops `what` of an event: the first one that covers it. A nil event asks for
  /// what stops every event.
  [[nodiscard]] std::optional<sales_brake> find(brake_on what, const event_id& event,
                                                std::string_view method = {}) const;
  [[nodiscard]] bool stops(brake_on what, const event_id& event) const {
    return find(what, event).has_value();
  }
  /// Whether `what` is stopped for some events only, so that one has to know which.
  [[nodiscard]] bool by_event(brake_on what) const;
  [[nodiscard]] rows_ptr rows() const;
  /// Of when they are; the epoch before anything was heard.
  [[nodiscard]] instant as_of() const;

private:
  mutable std::shared_mutex mutex_;
  rows_ptr rows_ = std::make_shared<const std::vector<sales_brake>>();
  instant as_of_;
  std::atomic<bool> any_{false};
};

} // namespace tk
