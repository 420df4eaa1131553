#include "persistence/reconciliation/messages.hpp"

namespace tk {

std::string_view to_string(case_kind x) {
  switch (x) {
  case case_kind::paid_incomplete: return "paid_incomplete";
  case case_kind::payment_unresolved: return "payment_unresolved";
  case case_kind::refund_failed: return "refund_failed";
  case case_kind::provider_difference: return "provider_difference";
  case case_kind::row_mismatch: break;
  }
  return "row_mismatch";
}

} // namespace tk
