package config

import "tocsin/rules/strictyaml"

// Schema is the JSON Schema of the configuration file.
func Schema() []byte {
	members := map[string]map[string]any{}
	for _, k := range keysOf(Config{}) {
		if k.words != nil {
			members[k.path] = map[string]any{"enum": k.words}
		}
	}
	return strictyaml.JSONSchema(Config{}, strictyaml.SchemaOptions{ID: "urn:tocsin:config", Title: "Tocsin configuration", Expand: true, Keys: members})
}
