package event

// Reason is a kind of mistake for which a record becomes a dead letter. Its
// code is stable: dashboards and runbooks refer to it.
type Reason struct {
	Stage string // Failure.Stage
	Code  string // Failure.Code
	Doc   string // one sentence for the field reference
}

// The reasons of the decoder. "envelope" concerns the CloudEvents attributes,
// "decode" the JSON text, "schema" the fields of the canonical form.
var (
	notCloudEvents = &Reason{"envelope", "not_cloudevents", "The record is not a CloudEvents 1.0 event in JSON: no object, an object without specversion, or another event format."}
	missingAttr    = &Reason{"envelope", "missing_attribute", "A required attribute is absent or empty: specversion, id, source, type or data."}
	unknownVersion = &Reason{"envelope", "unknown_version", "The specversion is not 1.0, or schema_version is not one this release reads."}
	unknownType    = &Reason{"envelope", "unknown_type", "The CloudEvents type is none of the event types below."}
	unsupported    = &Reason{"envelope", "unsupported_data", "The data are not a JSON object: data_base64, or a content type other than JSON."}

	badSyntax    = &Reason{"decode", "syntax", "The value is not JSON (RFC 8259)."}
	trailingData = &Reason{"decode", "trailing_data", "Something follows the end of the JSON value."}
	duplicateKey = &Reason{"decode", "duplicate_key", "A member stands twice in one object, so its value is ambiguous."}
	invalidUTF8  = &Reason{"decode", "invalid_utf8", "Bytes that are not UTF-8, or an escaped surrogate without its other half."}
	tooDeep      = &Reason{"decode", "too_deep", "Objects and lists are nested deeper than the limit."}
	tooLarge     = &Reason{"decode", "too_large", "The value is longer than the limit."}
	tooManyLines = &Reason{"decode", "too_many_lines", "The event has more lines than the limit."}

	wrongKind  = &Reason{"schema", "wrong_kind", "A field holds another kind of JSON value than its own."}
	badAmount  = &Reason{"schema", "bad_amount", "An amount is not a decimal number or does not fit Decimal(38,9)."}
	badRate    = &Reason{"schema", "bad_rate", "A rate is not a decimal number or does not fit Decimal(38,18)."}
	badInt     = &Reason{"schema", "bad_int", "An integer has a point or an exponent, or does not fit 64 bits."}
	badDate    = &Reason{"schema", "bad_date", "A date is not of the form YYYY-MM-DD, or that day does not exist."}
	badInstant = &Reason{"schema", "bad_instant", "An instant is neither RFC 3339 with an offset and at most nine decimals nor a date alone."}
)

// Reasons returns every reason for which Decode refuses a record.
func Reasons() []Reason {
	return []Reason{
		*notCloudEvents, *missingAttr, *unknownVersion, *unknownType, *unsupported,
		*badSyntax, *trailingData, *duplicateKey, *invalidUTF8, *tooDeep, *tooLarge, *tooManyLines,
		*wrongKind, *badAmount, *badRate, *badInt, *badDate, *badInstant,
	}
}
