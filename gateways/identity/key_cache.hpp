#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateways/identity/id_token.hpp"

namespace tk {

/// How long a provider's keys are believed, and how often they may be asked for.
struct key_cache_rules {
  millis fresh_for{3'600'000};      ///< After it they are fetched again, while they still serve.
  millis usable_for{6 * 3'600'000}; ///< After it they are worth nothing.
  millis unknown_pause{60'000};     ///< Between fetches on account of an unknown `kid`.
};

/// What is to be done for a token.
struct key_decision {
  enum class kind : uint8_t {
    use,    ///< `key`.
    wait,   ///< For a fetch, which is under way or to be begun.
    refuse, ///< The provider does not know this key.
    away,   ///< Nobody knows: the provider was asked in vain, and may not be asked again yet.
  };
  kind is = kind::refuse;
  public_key key;
  bool fetch = false; ///< Begin one now; `begin` must follow.
};

/// The keys of a provider and when to ask for them again. Pure: time is an argument.
class key_cache {
public:
  explicit key_cache(key_cache_rules rules) : rules_(rules) {
    // nop
  }

  [[nodiscard]] key_decision decide(std::string_view kid, instant now) const;
  /// A fetch is on its way.
  void begin(instant now);
  /// It came back.
  void succeeded(key_set keys, instant now);
  void failed();
  [[nodiscard]] bool fetching() const { return fetching_; }

private:
  key_cache_rules rules_;
  key_set keys_;
  std::optional<instant> fetched_at_, begun_at_;
  bool fetching_ = false, failed_ = false;
};

} // namespace tk
