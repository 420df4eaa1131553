#pragma once

#include "http/operators/listener.hpp"

namespace tk::http {

/// Refuses a bearer who may only look, and puts the try on record with his name: who tries what he
/// may not is what an audit log is for. It is refused, too, when nothing can be put on record.
void refuse_denied(operator_desk& desk, const exchange_ptr& x);

} // namespace tk::http
