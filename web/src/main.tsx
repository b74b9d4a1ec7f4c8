import "./style/base.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/views.css";

import { render } from "preact";
import { App } from "./App";
import { start, watchTheme } from "./state/app";
import { watchRoute } from "./state/route";
import { watchLanguage } from "./words";

watchRoute();
watchTheme();
watchLanguage();
render(<App />, document.getElementById("page")!);
void start();
