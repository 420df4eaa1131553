#include "logging/pending.hpp"

namespace tk {

void pending_lines::add(std::string_view line) {
  bool full = !chunks_.empty() && chunks_.back().text.size() + line.size() > chunk_bytes;
  if (chunks_.empty() || full) {
    if (chunks_.size() == chunks_max_) {
      dropped_ += chunks_.front().lines;
      chunks_.pop_front();
    }
    chunks_.emplace_back().text.reserve(chunk_bytes);
  }
  chunks_.back().text += line;
  ++chunks_.back().lines;
}

std::string pending_lines::take() {
  if (chunks_.empty()) return {};
  auto out = std::move(chunks_.front().text);
  chunks_.pop_front();
  return out;
}

} // namespace tk
