#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actors/base/time.hpp"

namespace tk::http {

/// `LOGIN_FAILURES_MAX` and its window.
struct login_limits {
  uint32_t failures_max = 10; ///< Of one account from one address in a window; 0 = no limit.
  millis window = std::chrono::minutes(15);
  /// From so many failures on, wherever they come from, an account is under attack.
  uint32_t attack_from = 50;
  /// What an address that never signed in to an account under attack has left.
  uint32_t under_attack_max = 2;
  /// Of each table; the longest unused rows are forgotten first.
  size_t rows_max = 100'000;
};

/// What becomes of a try.
struct try_verdict {
  millis wait{0};     ///< Zero: go ahead; else so long until one is let in again.
  uint32_t limit = 0; ///< Tries a window, for this account from this address; 0 = no limit.
};

/// Who may try an account's password (S12). Failures are counted by account and address, so nobody
/// can lock somebody else out: whoever comes from another address has tries of its own, fewer while
/// the account is guessed at from everywhere, as many as ever from where it signed in before. Known
/// and unknown accounts are counted alike. In memory, bounded, thread-safe.
class login_throttle {
public:
  explicit login_throttle(login_limits limits) : limits_(limits) {
    // nop
  }

  /// Counts a try, as if it failed, unless it has to wait; say what became of it. `address` counts
  /// as its network of 64 bits when it is IPv6.
  try_verdict ask(std::string_view account, std::string_view address, instant now);
  /// The password was right: the address is forgiven and remembered.
  void succeeded(std::string_view account, std::string_view address, instant now);
  /// Nobody looked at the password: the try does not count.
  void withdrawn(std::string_view account, std::string_view address, instant now);

  /// Rows of the largest table.
  [[nodiscard]] size_t size() const;

private:
  struct row {
    std::string key;
    instant since; ///< When the window began; when it last signed in, in `familiar_`.
    uint32_t failures = 0;
  };
  /// Rows by key, the least recently used last.
  struct table {
    std::list<row> order;
    std::unordered_map<std::string_view, std::list<row>::iterator> index;

    row* find(std::string_view key);
    row& make(std::string_view key, size_t rows_max);
    void erase(std::string_view key);
  };

  row& current(table& in, std::string_view key, instant now);
  [[nodiscard]] bool familiar(std::string_view pair, instant now);
  void take_back(table& in, std::string_view key, instant now);

  const login_limits limits_;
  mutable std::mutex mutex_;
  table pairs_, accounts_, familiar_;
};

} // namespace tk::http
