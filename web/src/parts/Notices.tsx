// What is said at the edge of the page, and read aloud: done, undone, gone wrong.

import { dismiss, notices } from "../state/app";
import { said } from "../words";
import { Icon } from "./Icon";

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((notice) => (
        <div key={notice.id} class="notice" data-bad={notice.bad}>
          <p>{notice.text}</p>
          {notice.undo && (
            <button
              type="button"
              class="quiet"
              onClick={() => {
                dismiss(notice.id);
                notice.undo!();
              }}
            >
              <Icon name="undo" size={16} />
              {said("undo")}
            </button>
          )}
          <button type="button" class="quiet round" aria-label={said("close")} onClick={() => dismiss(notice.id)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </div>
  );
}
