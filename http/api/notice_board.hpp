#pragma once

#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "persistence/notices/messages.hpp"

namespace tk::http {

/// The notices to buyers that stand, as this node knows them (G08). Asked from any thread; whoever
/// hears of them writes. An older look never replaces a newer one. Nothing here asks the database:
/// while it is away what was read last counts, and its age is told.
class notice_board {
public:
  using rows_ptr = std::shared_ptr<const std::vector<notice>>;

  void take(std::vector<notice> rows, instant as_of);
  /// All that stand, those of the future too, by their start.
  [[nodiscard]] rows_ptr rows() const { return look().rows; }
  /// Of when they are; the epoch before anything was heard.
  [[nodiscard]] instant as_of() const { return look().as_of; }
  /// What `GET /api/notices` answers at `now`: those that have started and not ended. Empty before
  /// anything was heard: nobody knows then that there are none.
  [[nodiscard]] std::string told(instant now) const;

private:
  struct state {
    rows_ptr rows = std::make_shared<const std::vector<notice>>();
    /// Each row of `rows` as JSON.
    std::shared_ptr<const std::vector<std::string>> rendered;
    instant as_of;
  };
  [[nodiscard]] state look() const;

  mutable std::shared_mutex mutex_;
  state state_;
};

} // namespace tk::http
