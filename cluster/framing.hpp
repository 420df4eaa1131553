#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// How bytes between two nodes are cut into frames: four bytes of length, big-endian, one of kind,
/// then the content.
namespace tk::cluster {

enum class frame_kind : uint8_t {
  hello = 1,   ///< Who speaks (hello.hpp). The first frame each way, and only the first.
  beat = 2,    ///< Empty: whoever is there says so while there is nothing else to say.
  request = 3, ///< To the door of the other side.
  answer = 4   ///< To the link of the other side.
};

/// The largest content: many times what a message may hold, and little enough to be kept.
constexpr size_t content_max = 1 << 20;

/// Appends a frame to `out`; false, and nothing, when the content is too large.
bool append_frame(std::vector<char>& out, frame_kind kind, std::span<const char> content);

struct frame {
  frame_kind kind = frame_kind::beat;
  std::vector<char> content;
};

/// Puts frames together from bytes as they arrive.
class frame_reader {
public:
  void feed(std::span<const char> bytes);
  /// The next whole frame; nullopt when there is none yet, or never will be.
  std::optional<frame> next();
  /// What came was not a frame: too large, or of a kind that is unknown. The connection is to be
  /// closed.
  [[nodiscard]] bool broken() const { return broken_; }

private:
  std::vector<char> bytes_;
  size_t read_ = 0; ///< So many of them are done with.
  bool broken_ = false;
};

} // namespace tk::cluster
