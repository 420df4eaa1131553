#pragma once

/// What the accounts lane prepares beside the statements of sales: refresh-token families.
namespace tk::sql {

extern const char* const open_families;
extern const char* const rotate;
extern const char* const revoke;

} // namespace tk::sql
