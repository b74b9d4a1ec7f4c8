// The server's schemas by the names the page uses. api.generated.ts comes from openapi.json: npm run types.

import type { components } from "./api.generated";

type Schemas = components["schemas"];

export type Box = Schemas["Face"]["box"];
export type ChangeResponse = Schemas["ChangeResponse"];
export type DetectResponse = Schemas["DetectResponse"];
export type Face = Schemas["Face"];
export type FaceMap = Schemas["FaceMap"];
export type Gallery = Schemas["Gallery"];
export type Hit = Schemas["Hit"];
export type IdentifyResponse = Schemas["IdentifyResponse"];
export type Job = Schemas["Job"];
export type JournalChange = Schemas["JournalChange"];
export type JournalEntry = Schemas["JournalEntry"];
export type MapPoints = Schemas["MapPoints"];
export type Model = Schemas["Model"];
export type Person = Schemas["Person"];
export type Photo = Schemas["Photo"];
export type Probe = Schemas["Probe"];
export type ResultInfo = Schemas["ResultInfo"];
export type Review = Schemas["Review"];
export type SearchResponse = Schemas["SearchResponse"];
export type Session = Schemas["Session"];
export type Settings = Schemas["Settings"];
export type VerifyResponse = Schemas["VerifyResponse"];
