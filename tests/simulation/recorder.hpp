#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "actors/base/time.hpp"

namespace tk::sim {

/// Everything that went from one to another in a run, for reading. Kept only when asked for.
class recorder {
public:
  struct line {
    int64_t ms = 0; ///< Since the start.
    std::string from, to, what;
  };
  /// `to` is empty for what happens to `from` itself, and both for what happens to all.
  void note(int64_t ms, std::string from, std::string to, std::string what);

  /// From now on every line is written to `to` at once, too: what is there outlives a crash.
  void spool_to(std::FILE* to) { spool_ = to; }
  /// What was spooled, up to the last whole line.
  static recorder from_spool(std::FILE* from);

  [[nodiscard]] const std::vector<line>& lines() const { return lines_; }
  /// The last `most` of them as a sequence diagram in text.
  [[nodiscard]] std::vector<std::string> diagram(size_t most) const;
  /// What each of the people did and was told.
  [[nodiscard]] std::vector<std::string> script() const;
  /// All of it, as Markdown with a Mermaid diagram, or as a page of HTML, by the file's name.
  void write(const std::string& file, const std::string& title) const;

private:
  [[nodiscard]] std::vector<std::string> lanes() const;
  std::vector<line> lines_;
  std::FILE* spool_ = nullptr;
};

} // namespace tk::sim
