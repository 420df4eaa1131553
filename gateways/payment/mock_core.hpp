#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateways/payment/port.hpp"

namespace tk {

/// What a payment key asks of the mock, by its prefixes; see gateways/README.md.
struct mock_script {
  bool away = false;        ///< Cannot be reached.
  bool declines = false;    ///< Says no.
  bool answer_lost = false; ///< Nobody hears of the approval.
  millis slow{0};           ///< Takes the money and answers so much later.
  millis late{0};           ///< Takes the money so much after its answer was lost.
  int refunds_refused = 0;
  int refund_answers_lost = 0; ///< The money goes back; nobody hears of it.
};

/// Reads the prefixes, any number of them, from left to right.
mock_script script_of(std::string_view payment_key);

struct mock_settings {
  millis delay{0};             ///< Of every answer, for benchmarks.
  millis order_life{600'000};  ///< An order that was not paid by then never will be.
  size_t orders_max = 200'000; ///< Beyond it the oldest is forgotten.
};

struct mock_capture {
  std::string order_id, payment_key, idempotency_key;
  won amount;
  instant at;
};
struct mock_refund {
  std::string payment_key, idempotency_key;
  won amount;
  instant at;
};

/// All money that moved, in the order in which it did, for comparison with the ledger's books.
struct mock_books {
  std::vector<mock_capture> captures;
  std::vector<mock_refund> refunds;
  [[nodiscard]] won captured() const;
  [[nodiscard]] won refunded() const;
};

/// A provider of payments in memory, with books of its own. Pure: time is an argument.
class mock_provider {
public:
  explicit mock_provider(mock_settings settings) : settings_(settings) {
    // nop
  }

  /// Notes the order, as a provider does when it hears of one; it lapses some time later.
  void hear_of(const std::string& order_id, instant now);
  /// Decides now. The same idempotency key gets its first answer again. `although_ended`: it had
  /// begun to before the order was ended, and does not look.
  payment_approval approve(const approve_payment& x, instant now, bool although_ended = false);
  payment_report query(const query_payment& x, instant now);
  payment_report void_order(const void_payment& x, instant now);
  /// The same idempotency key gives money back once; a refusal may be followed by success.
  payment_refund refund(const refund_payment& x, instant now);
  /// Whether a call of this attempt that is still under way could take the money of the order.
  [[nodiscard]] bool can_take(const std::string& order_id, const std::string& attempt_key,
                              instant now) const;
  /// The key that an order was paid with; empty: it was not.
  [[nodiscard]] std::string paid_with(const std::string& order_id) const;
  [[nodiscard]] bool knows(const std::string& payment_key) const;
  /// Enters a payment that another life of the mock has taken.
  void enter_capture(const std::string& payment_key, won amount, instant now);
  /// True when nobody is to hear of this payment's refund, as its key asked.
  bool loses_refund_answer(const std::string& payment_key);

  [[nodiscard]] mock_books books() const;
  [[nodiscard]] const mock_settings& settings() const { return settings_; }

private:
  struct attempt {
    approve_payment asked;
    payment_approval answer;
  };
  struct order {
    std::string id;
    instant lapses_at;
    bool voided = false;
    std::optional<mock_capture> capture;
    uint64_t captured_no = 0;
    std::map<std::string, attempt> attempts; ///< By idempotency key.
    std::map<std::string, std::pair<uint64_t, mock_refund>> refunds;
    int refunds_refused = 0, refund_answers_lost = 0; ///< So far.
    [[nodiscard]] bool ended(instant now) const { return voided || now >= lapses_at; }
    [[nodiscard]] won refunded() const;
  };
  order& order_of(const std::string& id, instant now);
  order* find_by_key(const std::string& payment_key);
  payment_approval decide(order& o, const approve_payment& x, instant now, bool although_ended);
  payment_report report(const order& o, instant now) const;
  void forget_oldest();

  mock_settings settings_;
  std::map<std::string, order> orders_;
  std::deque<std::string> oldest_first_;
  std::map<std::string, std::string> order_of_key_, order_of_attempt_;
  uint64_t moves_ = 0; ///< Of money, so far.
};

} // namespace tk
