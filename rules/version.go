package rules

import "slices"

// EngineVersion is the version of the engine that judges by a pack loaded from its
// files. It stands in every archive, so it is part of every digest.
//
// Raise it whenever the same archive could give another verdict on the same record
// than under the version before. That includes the dialect; the engine, with
// on_missing, bands, escalation, dedup keys and candidate ids; the computation of
// deadlines, New York's zone included; and the decoding of records into events.
// Data do not belong to the engine: rules, profiles, closures and clocks lie in
// the archive.
//
// To change verdicts: raise EngineVersion, append it to engineVersions, and branch
// on Pack.engine where the two differ, so that the earlier version still gives its
// own verdicts. A version may leave the list when no intent and no audit needs it
// any more: a worker then refuses a batch that was promised by it, with the advice
// to finish it with an earlier release. As long as a version is listed, everything
// it accepts must load: a stricter check, or the removal of a field, a function or
// an item of Form 8-K, needs a new version too.
const EngineVersion = "1"

// engineVersions are the versions that this program can judge by.
var engineVersions = []string{EngineVersion}

// EngineVersions returns the versions of the engine that this program can judge
// by, the oldest first; the last is EngineVersion.
func EngineVersions() []string { return slices.Clone(engineVersions) }

// engineLine begins an archive; the version follows.
const engineLine = "tocsin engine "
