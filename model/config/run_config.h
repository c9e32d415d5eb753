// A whole run from a document: values, ranges, and the rules between parameters, every violation
// with its position.
//
//   ConfigDocument document = ConfigDocument::load(file);
//   const RunParams params = load_run(document);  // throws ConfigError
#pragma once

#include "model/config/binder.h"
#include "model/config/document.h"
#include "model/params/run.h"

namespace nestwalk {

[[nodiscard]] RunParams load_run(const ConfigDocument& document,
                                 PathCheck path_check = PathCheck::kMustExist);

}  // namespace nestwalk
