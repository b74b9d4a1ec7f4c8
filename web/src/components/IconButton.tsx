import { Icon, type IconName } from "./Icon";

interface Props {
  icon: IconName;
  label: string;
  press: () => void;
  tabIndex?: number;
}

/** A round button with an icon, whose label is shown on hover and read aloud. */
export function IconButton({ icon, label, press, tabIndex = 0 }: Props) {
  return (
    <button type="button" class="round small" aria-label={label} title={label} tabIndex={tabIndex} onClick={press}>
      <Icon name={icon} size={16} />
    </button>
  );
}
