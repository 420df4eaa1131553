#pragma once

#include <span>
#include <string>

#include "actors/base/trace.hpp"

/// Spans as OTLP/HTTP takes them: `ExportTraceServiceRequest` in protobuf's JSON, with ids in
/// hexadecimal digits and times as strings, as the protocol wants them.
namespace tk {

/// Of whom the spans are.
struct otlp_origin {
  std::string node;    ///< Becomes `service.instance.id`.
  std::string release; ///< Becomes `service.version`.
};

std::string otlp_json(const otlp_origin& origin, std::span<const span_record> spans);

} // namespace tk
