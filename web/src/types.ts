// The server's schemas by the names the page uses. api.generated.ts comes from openapi.json: npm run types.

import type { components } from "./api.generated";

type Schemas = components["schemas"];

export type Box = Schemas["Face"]["box"];
export type ChangeResponse = Schemas["Changed"];
export type DetectResponse = Schemas["Detected"];
export type Face = Schemas["Face"];
export type FaceMap = Schemas["Mapped"];
export type Gallery = Schemas["About"];
export type Hit = Schemas["Match"];
export type IdentifyResponse = Schemas["Identified"];
export type Job = Schemas["Job"];
export type JournalEntry = Schemas["Entry"];
export type MapPoints = Schemas["Points"];
export type Model = Schemas["Model"];
export type Person = Schemas["Person"];
export type Photo = Schemas["Photo"];
export type Probe = Schemas["Probe"];
export type Review = Schemas["Review"];
export type SearchResponse = Schemas["Searched"];
export type Session = Schemas["Session"];
export type Settings = Schemas["Settings"];
export type VerifyResponse = Schemas["Verified"];
